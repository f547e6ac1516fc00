import type { Container, EnvVar } from 'kubernetes-types/core/v1';
import { controlPlaneNames, SERVICE_CIDR_KEY, serviceWebhookWay } from '../../syncer/configuration';
import type { VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { POD_IP } from './environment';
import { ETCD_CLIENT_URL } from './etcd';
import { commandLine } from './flags';
import { PORTS } from './ports';
import { probes } from './probes';
import { FILES_DIRECTORY, filesMount, RUN_MOUNT, STORE_SECRET_DIRECTORY, STORE_SECRET_MOUNT } from './volumes';

/** The virtual API server. */
export function kubeApiServerContainer(spec: VirtualClusterSpec): Container {
  return {
    name: 'kube-apiserver',
    image: spec.images.kubeApiServer,
    imagePullPolicy: 'IfNotPresent',
    command: ['kube-apiserver'],
    args: commandLine(kubeApiServerFlags(spec)),
    env: [POD_IP, ...serviceRangeVariable(spec)],
    ports: [{ name: 'https', containerPort: PORTS.apiServer, protocol: 'TCP' }],
    // A store that does not answer is no reason to restart the API server.
    ...probes({ port: PORTS.apiServer, scheme: 'HTTPS', live: '/livez?exclude=etcd', ready: '/readyz' }),
    resources: containerResources(spec.resources.kubeApiServer),
    // The public image's program carries this file capability.
    securityContext: containerSecurity(['NET_BIND_SERVICE']),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // Connecting to a socket needs no writable mount.
    volumeMounts: [
      filesMount('kube-apiserver'),
      { ...RUN_MOUNT, readOnly: true },
      ...(spec.store.type === 'etcd' ? [STORE_SECRET_MOUNT] : []),
    ],
  };
}

/** Flags of kube-apiserver; its watch cache and request limits stay as upstream has them. */
export function kubeApiServerFlags(spec: VirtualClusterSpec) {
  const file = (name: string) => `${FILES_DIRECTORY}/${name}`;
  const issuer = `https://kubernetes.default.svc.${spec.configuration.virtualCluster.clusterDomain}`;
  return {
    'secure-port': PORTS.apiServer,
    // What the endpoints of default/kubernetes show.
    'advertise-address': '$(POD_IP)',
    'endpoint-reconciler-type': 'lease',
    'tls-cert-file': file('server.crt'),
    'tls-private-key-file': file('server.key'),

    ...storeFlags(spec),

    'service-cluster-ip-range': serviceRange(spec) ?? '$(SERVICE_CIDR)',

    'client-ca-file': file('ca.crt'),
    // Anonymous requests reach the health paths only, for the kubelet's probes.
    'authentication-config': file('authentication.yaml'),
    'authorization-mode': ['Node', 'RBAC'],
    'admission-control-config-file': file('admission.yaml'),
    'disable-admission-plugins': disabledAdmission(spec),
    'allow-privileged': true,
    'feature-gates': featureGates(spec),

    // Audiences stay at their default, the issuer, as on clusters made by kubeadm: a longer list would accept tokens made for others.
    'service-account-issuer': issuer,
    'service-account-key-file': file('sa.pub'),
    'service-account-signing-key-file': file('sa.key'),
    // Else the discovery document names the pod's address, which changes.
    'service-account-jwks-uri': `${issuer}/openid/v1/jwks`,

    // To nodes, webhooks and aggregated APIs only through the syncer's gate.
    'egress-selector-config-file': file('egress-selector.yaml'),
    'kubelet-certificate-authority': file('kubelet-ca.crt'),
    'kubelet-client-certificate': file('kubelet-client.crt'),
    'kubelet-client-key': file('kubelet-client.key'),
    // The syncer issues the address by which it knows a virtual node; host names could lead anywhere.
    'kubelet-preferred-address-types': ['InternalIP'],

    'enable-aggregator-routing': true,
    'proxy-client-cert-file': file('front-proxy-client.crt'),
    'proxy-client-key-file': file('front-proxy-client.key'),
    'requestheader-client-ca-file': file('front-proxy-ca.crt'),
    'requestheader-allowed-names': ['front-proxy-client'],
    'requestheader-username-headers': ['X-Remote-User'],
    'requestheader-uid-headers': ['X-Remote-Uid'],
    'requestheader-group-headers': ['X-Remote-Group'],
    'requestheader-extra-headers-prefix': ['X-Remote-Extra-'],

    // Ends the watches when it stops. Without it, it waits for them for a minute, and so would every restart of the control plane.
    'shutdown-watch-termination-grace-period': '3s',

    profiling: false,
    v: 1,
  };
}

/** Where the store is, and who the API server is to it. */
function storeFlags({ store }: VirtualClusterSpec) {
  const own = (name: string) => `${FILES_DIRECTORY}/${name}`;
  const given = (name: string) => `${STORE_SECRET_DIRECTORY}/${name}`;
  if (store.type === 'etcd') {
    return {
      'etcd-servers': store.endpoints,
      'etcd-prefix': store.prefix,
      'etcd-cafile': given('ca.crt'),
      'etcd-certfile': given('tls.crt'),
      'etcd-keyfile': given('tls.key'),
    };
  }
  return {
    'etcd-servers': ETCD_CLIENT_URL,
    'etcd-cafile': own('etcd-ca.crt'),
    'etcd-certfile': own('etcd-client.crt'),
    'etcd-keyfile': own('etcd-client.key'),
  };
}

/** What a version has switched off and is needed here. */
function featureGates({ configuration }: VirtualClusterSpec): string[] | undefined {
  const { version } = configuration.virtualCluster;
  return serviceWebhookWay(version) === 'gatedManifest' ? ['ManifestBasedAdmissionControlConfig=true'] : undefined;
}

/** Admission of upstream that would be wrong here. */
function disabledAdmission(spec: VirtualClusterSpec): string[] {
  const { storageClasses } = spec.configuration.sync.fromHost;
  return [
    // It taints every new Node until node-lifecycle, which does not run here, finds it ready.
    'TaintNodesByCondition',
    // It lets no claim grow whose class it cannot see. The host's own decides then, and an event tells.
    ...(storageClasses.enabled ? [] : ['PersistentVolumeClaimResize']),
  ];
}

/** The ranges where they were given. */
function serviceRange(spec: VirtualClusterSpec): string | undefined {
  const { serviceCIDRs } = spec.configuration.network;
  return serviceCIDRs.length === 0 ? undefined : serviceCIDRs.join(',');
}

/** Else the init container finds them and hands them over in the certificates' Secret, before this container is started. */
function serviceRangeVariable(spec: VirtualClusterSpec): EnvVar[] {
  if (serviceRange(spec) !== undefined) return [];
  const { certificates } = controlPlaneNames(spec.name);
  return [{ name: 'SERVICE_CIDR', valueFrom: { secretKeyRef: { name: certificates, key: SERVICE_CIDR_KEY } } }];
}
