import type { Deployment } from 'kubernetes-types/apps/v1';
import type { ConfigMap, PodSpec, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import type { ClusterRole, ClusterRoleBinding } from 'kubernetes-types/rbac/v1';
import type { SyncerConfiguration } from '../configuration';
import type { KubeObject } from '../kube-client';

const NAMESPACE = 'kube-system';
const NAME = 'coredns';
const ROLE_NAME = 'system:coredns';
/** Upstream's label and Service name since before CoreDNS: tools look for them. */
const LABELS = { 'k8s-app': 'kube-dns' } as const;
/** Service of the virtual cluster's DNS. */
export const DNS_SERVICE = { namespace: NAMESPACE, name: 'kube-dns' } as const;

/** Nearly every cluster's domain: the host's own cannot be asked for. */
const USUAL_DOMAIN = 'cluster.local';

/** User `nonroot` of the public image. */
const USER_ID = 65532;

const PORTS = { dns: 53, metrics: 9153, health: 8080, ready: 8181 } as const;

/**
 * CoreDNS for a virtual cluster, as kubeadm installs it, with these differences: it meets the `restricted` Pod Security Standard;
 * it names no priority class and tolerates no taint, as those would be the host's; it asks for less CPU; and it is ready as soon as
 * it answers.
 *
 * @returns manifests for namespace kube-system of the virtual cluster, the Service first; none when DNS is switched off
 */
export function coreDNSManifests({ dns, virtualCluster }: SyncerConfiguration): KubeObject[] {
  if (!dns.enabled) return [];
  return [
    service(),
    serviceAccount(),
    clusterRole(),
    clusterRoleBinding(),
    configMap(corefile(virtualCluster.clusterDomain, dns.forward)),
    deployment(dns.image, dns.replicas),
  ];
}

/**
 * Upstream's Corefile without `loop`: that plugin ends the process when the node's resolv.conf leads back to CoreDNS, and the
 * tenant, who can change neither, would lose the names of the own cluster too. `max_concurrent` bounds what a loop can cost.
 *
 * Names of the host's Services are none here, even where whoever is asked for names outside would know them: those below the own
 * domain are answered from the virtual cluster alone, and those below the usual one, where the own is another, do not exist.
 *
 * @param clusterDomain such as `cluster.local`
 * @param servers that are asked for names outside. @default those of the node's resolv.conf
 */
export function corefile(clusterDomain: string, servers: readonly string[] = []): string {
  const upstream = servers.length === 0 ? '/etc/resolv.conf' : servers.join(' ');
  const isUsual = clusterDomain === USUAL_DOMAIN || clusterDomain.endsWith(`.${USUAL_DOMAIN}`);
  const others = isUsual ? '' : withoutDomain(USUAL_DOMAIN);
  return `.:${PORTS.dns} {
    errors
    health :${PORTS.health} {
       lameduck 5s
    }
    ready :${PORTS.ready}
    kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
${others}    prometheus :${PORTS.metrics}
    forward . ${upstream} {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${clusterDomain}
       disable denial ${clusterDomain}
    }
    reload
    loadbalance
}
`;
}

/** Answers that there is no name below a domain. */
function withoutDomain(domain: string): string {
  return `    template ANY ANY ${domain} {
       rcode NXDOMAIN
    }
`;
}

function service(): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...DNS_SERVICE,
      labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      annotations: { 'prometheus.io/port': String(PORTS.metrics), 'prometheus.io/scrape': 'true' },
    },
    spec: {
      selector: LABELS,
      ports: [
        { name: 'dns', port: PORTS.dns, targetPort: PORTS.dns, protocol: 'UDP' },
        { name: 'dns-tcp', port: PORTS.dns, targetPort: PORTS.dns, protocol: 'TCP' },
        { name: 'metrics', port: PORTS.metrics, targetPort: PORTS.metrics, protocol: 'TCP' },
      ],
    },
  };
}

function serviceAccount(): ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS } };
}

function clusterRole(): ClusterRole {
  const verbs = ['list', 'watch'];
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: ROLE_NAME, labels: LABELS },
    rules: [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
    ],
  };
}

function clusterRoleBinding(): ClusterRoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: ROLE_NAME, labels: LABELS },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE_NAME },
    subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
  };
}

function configMap(content: string): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    data: { Corefile: content },
  };
}

function deployment(image: string, replicas: number): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      replicas,
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: podSpec(image) },
    },
  };
}

function podSpec(image: string): PodSpec {
  return {
    serviceAccountName: NAME,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    // Its own Service would be a circle.
    dnsPolicy: 'Default',
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // Of one pod, too: with another number of them, those that run stay.
    affinity: onDifferentNodes(),
    containers: [
      {
        name: NAME,
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/coredns'],
        args: ['-conf', '/etc/coredns/Corefile'],
        ports: [
          { name: 'dns', containerPort: PORTS.dns, protocol: 'UDP' },
          { name: 'dns-tcp', containerPort: PORTS.dns, protocol: 'TCP' },
          { name: 'metrics', containerPort: PORTS.metrics, protocol: 'TCP' },
          { name: 'liveness-probe', containerPort: PORTS.health, protocol: 'TCP' },
          { name: 'readiness-probe', containerPort: PORTS.ready, protocol: 'TCP' },
        ],
        resources: { requests: { cpu: '20m', memory: '70Mi' }, limits: { cpu: '1', memory: '170Mi' } },
        livenessProbe: {
          httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' },
          initialDelaySeconds: 60,
          timeoutSeconds: 5,
          failureThreshold: 5,
        },
        // Every second: nothing in the cluster finds a name before this succeeds.
        readinessProbe: {
          httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' },
          periodSeconds: 1,
          failureThreshold: 10,
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          // The public image's program carries this file capability.
          capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        },
        volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
      },
    ],
    volumes: [{ name: 'config-volume', configMap: { name: NAME, items: [{ key: 'Corefile', path: 'Corefile' }] } }],
  };
}

function onDifferentNodes(): NonNullable<PodSpec['affinity']> {
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: { labelSelector: { matchLabels: LABELS }, topologyKey: 'kubernetes.io/hostname' },
        },
      ],
    },
  };
}
