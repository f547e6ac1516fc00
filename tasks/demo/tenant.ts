import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';

/** Images of the demo: small, public, and built for the test bed from Debian's packages. */
const NGINX = 'docker.io/library/nginx:1.22';
const BUSYBOX = 'docker.io/library/busybox:1.35';
const KUBECTL = 'registry.k8s.io/kubectl:v1.37.2';

/** `kubectl create namespace ns1`. */
export async function createNamespace(virtual: KubeClient, name: string): Promise<void> {
  await virtual.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** `kubectl create deployment nginx-deploy -n ns1 --image=nginx --replicas=2`. */
export async function createDeployment(
  virtual: KubeClient,
  namespace: string,
  name: string,
  replicas: number,
): Promise<void> {
  const labels = { app: name };
  await virtual.create(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'nginx', image: NGINX, ports: [{ containerPort: 80 }] }] },
      },
    },
  });
}

/** `kubectl expose deployment nginx-deploy -n ns1 --port=80`; returns the address that the tenant sees at once. */
export async function expose(virtual: KubeClient, namespace: string, name: string): Promise<string> {
  const service = await virtual.create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 80 }] },
  });
  return (service.spec as unknown as { clusterIP: string }).clusterIP;
}

/** Waits for the account that a pod gets without naming one: a namespace has it a moment after it was made. */
export async function untilServiceAccount(virtual: KubeClient, namespace: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(30_000)]);
  const fieldSelector = 'metadata.name=default';
  const list = await virtual.list(resources.serviceAccounts, { namespace, fieldSelector, signal: limit });
  if (list.items.length > 0) return;
  const resourceVersion = list.metadata.resourceVersion ?? '';
  const watch = virtual.watch(resources.serviceAccounts, { namespace, fieldSelector, resourceVersion, signal: limit });
  for await (const { type } of watch) if (type === 'ADDED') return;
  throw new Error(
    `namespace ${namespace} has no ServiceAccount default within 30 s; is kube-controller-manager running?`,
  );
}

/** A pod with a shell that stays. */
export async function createShell(virtual: KubeClient, namespace: string, name: string): Promise<void> {
  await virtual.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'shell', image: BUSYBOX, command: ['sleep', '3600'] }],
    },
  });
}

/** A pod that runs kubectl once with its in-cluster configuration, as an administrator of the virtual cluster. */
export async function createKubectlPod(
  virtual: KubeClient,
  namespace: string,
  name: string,
  args: readonly string[],
): Promise<void> {
  await virtual.create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
  });
  await virtual.create(resources.clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  await virtual.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      serviceAccountName: name,
      restartPolicy: 'Never',
      containers: [{ name: 'kubectl', image: KUBECTL, command: ['kubectl', ...args] }],
    },
  });
}

/** Watches the pods of a namespace until the condition holds; says each change. */
export async function untilPods(
  client: KubeClient,
  namespace: string,
  what: string,
  condition: (pods: readonly Pod[]) => boolean,
  log: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(120_000)]);
  const pods = new Map<string, Pod>();
  try {
    const list = await client.list<Pod>(resources.pods, { namespace, signal: limit });
    for (const pod of list.items) pods.set(pod.metadata?.name ?? '', pod);
    if (condition([...pods.values()])) return [...pods.values()];
    const resourceVersion = list.metadata.resourceVersion ?? '';
    for await (const { type, object } of client.watch<Pod>(resources.pods, {
      namespace,
      resourceVersion,
      signal: limit,
    })) {
      if (type === 'BOOKMARK') continue;
      const name = object.metadata?.name ?? '';
      if (type === 'DELETED') pods.delete(name);
      else pods.set(name, object);
      log(`${namespace}/${name}: ${type === 'DELETED' ? 'gone' : (object.status?.phase ?? 'unknown')}`);
      if (condition([...pods.values()])) return [...pods.values()];
    }
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
  }
  const states = [...pods.values()].map(
    (pod) => `${pod.metadata?.name} ${pod.status?.phase} ${JSON.stringify(pod.status?.conditions)}`,
  );
  throw new Error(`${what} did not happen within 120 s; the pods of ${namespace}: ${states.join('; ') || 'none'}`);
}

/** Whether a pod's containers are all ready. */
export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
