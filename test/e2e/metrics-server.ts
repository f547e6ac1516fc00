import { applyManifests } from '../../syncer/bootstrap';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { provideImage } from './provide-image';

const IMAGE = 'registry.k8s.io/metrics-server/metrics-server:v0.9.0';
const API_SERVICE = 'v1beta1.metrics.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';
const named = { name: 'metrics-server', namespace: 'kube-system' };
const labels = { 'k8s-app': 'metrics-server' };

/** The smallest interval that metrics-server takes. */
const RESOLUTION_SECONDS = 10;

/**
 * Gives a host a metrics server, unless it has one, and waits until it answers.
 *
 * @returns takes it away again, where it came from here
 */
export async function provideMetricsServer(host: Host): Promise<() => Promise<void>> {
  const client = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  const answers = () => client.getText('/apis/metrics.k8s.io/v1beta1/nodes').then((text) => text.includes('"usage"'));
  try {
    await client.get(resources.apiServices, { name: API_SERVICE });
    await client.close();
    return () => Promise.resolve();
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
  const objects = manifests();
  const remove = async (): Promise<void> => {
    const types = Object.values(resources);
    for (const { kind, metadata } of objects) {
      const type = types.find((one) => one.kind === kind);
      if (!type) throw new Error(`no resource of kind ${kind}`);
      const { name = '', namespace } = metadata ?? {};
      try {
        await client.delete(type, {
          name,
          ...(namespace !== undefined && { namespace }),
          propagationPolicy: 'Foreground',
        });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
      }
    }
    await client.close();
  };
  try {
    await provideImage(host, 'metrics-server');
    await applyManifests(client, objects);
    await eventually('the metrics server of the host answers', answers, 180);
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}

/** As metrics-server's own release installs it, but for certificates of kubelets that nobody signed for it. */
function manifests(): KubeObject[] {
  const account = { kind: 'ServiceAccount', ...named };
  const bind = (kind: 'ClusterRole' | 'Role', role: string) => ({
    roleRef: { apiGroup: RBAC, kind, name: role },
    subjects: [account],
  });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...named } },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'system:metrics-server' },
      rules: [
        { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
        { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
      ],
    } as KubeObject,
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:metrics-server' },
      ...bind('ClusterRole', 'system:metrics-server'),
    } as KubeObject,
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'metrics-server:system:auth-delegator' },
      ...bind('ClusterRole', 'system:auth-delegator'),
    } as KubeObject,
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'metrics-server-auth-reader', namespace: 'kube-system' },
      ...bind('Role', 'extension-apiserver-authentication-reader'),
    } as KubeObject,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...named, labels },
      spec: { selector: labels, ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 10250 }] },
    } as KubeObject,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...named, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: named.name,
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: 'metrics-server',
                image: IMAGE,
                imagePullPolicy: 'IfNotPresent',
                args: [
                  '--cert-dir=/tmp',
                  '--secure-port=10250',
                  '--kubelet-preferred-address-types=InternalIP',
                  '--kubelet-insecure-tls',
                  `--metric-resolution=${RESOLUTION_SECONDS}s`,
                  // It demands that this is less.
                  '--kubelet-request-timeout=5s',
                ],
                ports: [{ name: 'https', containerPort: 10250, protocol: 'TCP' }],
                readinessProbe: { httpGet: { path: '/readyz', port: 'https', scheme: 'HTTPS' }, periodSeconds: 2 },
                resources: { requests: { cpu: '20m', memory: '50Mi' } },
                volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
              },
            ],
            volumes: [{ name: 'tmp', emptyDir: {} }],
          },
        },
      },
    } as KubeObject,
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: API_SERVICE },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { ...named },
      },
    } as KubeObject,
  ];
}
