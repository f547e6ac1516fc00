import type { ConfigMap, Pod, Secret } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { eventually, exec } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const KUBECTL = 'registry.k8s.io/kubectl:v1.37.2';
const NAMESPACE = 'shop';
const cluster = useVirtualCluster('pods');

const create = <T extends object>(type: (typeof resources)[keyof typeof resources], object: T) =>
  cluster.current.virtual.create(type, object as never) as Promise<T>;
const identity = () => ({ name: cluster.current.name, hostNamespace: cluster.current.namespace });
const hostObject = <T extends object>(type: (typeof resources)[keyof typeof resources], name: string) =>
  cluster.current.host.get(type, {
    namespace: cluster.current.namespace,
    name: hostName(identity(), NAMESPACE, name),
  }) as Promise<T>;

const shell = (name: string, spec: Partial<Pod['spec']> & object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'] }],
    ...spec,
  },
});

const pod = (name: string) => cluster.current.virtual.get<Pod>(resources.pods, { namespace: NAMESPACE, name });
const phase = (name: string, wanted: string) =>
  eventually(`pod ${name} is ${wanted}`, async () => {
    const found = await pod(name);
    if (found.status?.phase === wanted) return found;
    throw new Error(`it is ${found.status?.phase}: ${JSON.stringify(found.status?.conditions)}`);
  });
const run = async (name: string, ...command: string[]): Promise<string> => {
  const result = await exec(cluster.current.kubeconfigPath, { namespace: NAMESPACE, pod: name }, command);
  if (result.exitCode !== 0) throw new Error(`${command.join(' ')} in ${name}: ${result.stderr}`);
  return result.stdout.trim();
};

beforeAll(async () => {
  await create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await eventually('the default service account', () =>
    cluster.current.virtual.get(resources.serviceAccounts, { namespace: NAMESPACE, name: 'default' }),
  );
});

test('a pod runs on the node that the virtual cluster shows, with the status of its host twin', async () => {
  await create(resources.pods, shell('plain'));
  const virtual = await phase('plain', 'Running');
  const host = await hostObject<Pod>(resources.pods, 'plain');
  expect(virtual.spec?.nodeName).toBe(host.spec?.nodeName);
  expect(virtual.status?.podIP).toBe(host.status?.podIP);
  const node = await cluster.current.virtual.get(resources.nodes, { name: virtual.spec?.nodeName ?? '' });
  expect(node.metadata?.name).toBe(host.spec?.nodeName);
});

test('in a pod, KUBERNETES_SERVICE_HOST and kubernetes.default.svc are the virtual API server, with its CA and namespaces', async () => {
  await create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'viewer', namespace: NAMESPACE },
  });
  await create(resources.clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'viewer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace: NAMESPACE }],
  });
  const kubectl = (name: string, env: { name: string; value: string }[]) =>
    create(
      resources.pods,
      shell(name, {
        serviceAccountName: 'viewer',
        restartPolicy: 'Never',
        containers: [{ name: 'kubectl', image: KUBECTL, command: ['kubectl', 'get', 'namespaces', '-o', 'name'], env }],
      }),
    );
  // The first as every in-cluster client does it; the second by the name that the certificate must be valid for.
  await kubectl('by-variable', []);
  await kubectl('by-name', [{ name: 'KUBERNETES_SERVICE_HOST', value: 'kubernetes.default.svc' }]);
  for (const name of ['by-variable', 'by-name']) {
    await phase(name, 'Succeeded');
    const output = await cluster.current.virtual.getText(`/api/v1/namespaces/${NAMESPACE}/pods/${name}/log`);
    expect(output.split('\n')).toContain(`namespace/${NAMESPACE}`);
    expect(output).not.toContain(cluster.current.namespace);
  }
});

test('names resolve, and resolv.conf names the virtual cluster', async () => {
  await create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'plain', namespace: NAMESPACE },
    spec: { selector: { app: 'none' }, ports: [{ port: 80 }] },
  });
  const service = await cluster.current.virtual.get(resources.services, { namespace: NAMESPACE, name: 'plain' });
  const { clusterIP } = service['spec'] as { clusterIP: string };
  await eventually('the name plain resolves', async () =>
    (await run('plain', 'nslookup', `plain.${NAMESPACE}.svc.cluster.local`)).includes(clusterIP),
  );
  const resolvConf = await run('plain', 'cat', '/etc/resolv.conf');
  expect(resolvConf).toContain(`search ${NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local`);
});

test('config maps and secrets are on the host while a pod uses them, change with the virtual ones, and go', async () => {
  await create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: NAMESPACE },
    data: { colour: 'green' },
  });
  await create<Secret>(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'password', namespace: NAMESPACE },
    stringData: { word: 'sesame' },
  });
  await create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'unused', namespace: NAMESPACE },
  });
  await create(
    resources.pods,
    shell('reader', {
      containers: [
        {
          name: 'main',
          image: BUSYBOX,
          command: ['sleep', '3600'],
          env: [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'password', key: 'word' } } }],
          volumeMounts: [{ name: 'settings', mountPath: '/settings' }],
        },
      ],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
    }),
  );
  await phase('reader', 'Running');
  expect(await run('reader', 'cat', '/settings/colour')).toBe('green');
  expect(await run('reader', 'sh', '-c', 'echo $WORD')).toBe('sesame');
  await expect(hostObject(resources.configMaps, 'unused')).rejects.toThrow(/not found/);

  await cluster.current.virtual.patch(
    resources.configMaps,
    { namespace: NAMESPACE, name: 'settings', type: 'merge' },
    { data: { colour: 'red' } },
  );
  await eventually('the host has the new contents', async () => {
    const host = await hostObject<ConfigMap>(resources.configMaps, 'settings');
    return host.data?.colour === 'red';
  });

  await cluster.current.virtual.delete(resources.pods, { namespace: NAMESPACE, name: 'reader' });
  for (const [type, name] of [
    [resources.configMaps, 'settings'],
    [resources.secrets, 'password'],
  ] as const) {
    await eventually(`${name} is gone from the host`, () =>
      hostObject(type, name).then(
        () => false,
        (error: unknown) => ApiError.is(error, 'NotFound'),
      ),
    );
  }
});

test('the token in a pod is a token of the virtual cluster, bound to the virtual pod', async () => {
  const token = await run('plain', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token');
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    iss: string;
    'kubernetes.io': { namespace: string; pod: { name: string; uid: string } };
  };
  expect(claims.iss).toBe('https://kubernetes.default.svc.cluster.local');
  expect(claims['kubernetes.io'].pod).toEqual({ name: 'plain', uid: (await pod('plain')).metadata?.uid });
  expect(await run('plain', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/namespace')).toBe(NAMESPACE);
});

test('what the policy refuses is an event and a condition on the virtual pod, and nothing on the host', async () => {
  await create(
    resources.pods,
    shell('privileged', {
      containers: [{ name: 'main', image: BUSYBOX, securityContext: { privileged: true } }],
    }),
  );
  const condition = await eventually('a condition that says why', async () =>
    (await pod('privileged')).status?.conditions?.find(({ reason }) => reason === 'PolicyViolation'),
  );
  expect(condition.message).toContain('spec.containers[0].securityContext.privileged');
  const events = await cluster.current.virtual.list(resources.events, {
    namespace: NAMESPACE,
    fieldSelector: 'involvedObject.name=privileged',
  });
  expect(events.items.map((event) => event['reason'])).toContain('PolicyViolation');
  await expect(hostObject(resources.pods, 'privileged')).rejects.toThrow(/not found/);
});

test('what the host refuses is told in the tenant’s own names', async () => {
  const { host, namespace } = cluster.current;
  await host.create(resources.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'tight', namespace },
    spec: { hard: { 'requests.cpu': '1m' } },
  });
  try {
    await eventually('the quota is in force', async () => {
      const quota = await host.get(resources.resourceQuotas, { namespace, name: 'tight' });
      return (quota['status'] as { hard?: object } | undefined)?.hard !== undefined;
    });
    await create(
      resources.pods,
      shell('greedy', {
        containers: [{ name: 'main', image: BUSYBOX, resources: { requests: { cpu: '10m' } } }],
      }),
    );
    const condition = await eventually('a condition that says why', async () =>
      (await pod('greedy')).status?.conditions?.find(({ reason }) => reason === 'RefusedByHost'),
    );
    expect(condition.message).toContain('exceeded quota');
    expect(condition.message).not.toContain(namespace);
    expect(condition.message).not.toContain('-x-');
  } finally {
    await host.delete(resources.resourceQuotas, { namespace, name: 'tight' });
  }
});

test('deleting a pod deletes its twin', async () => {
  const { virtual, host, namespace } = cluster.current;
  await virtual.delete(resources.pods, { namespace: NAMESPACE, name: 'plain' });
  await eventually('both are gone', async () => {
    const [here, there] = await Promise.all([
      virtual.list(resources.pods, { namespace: NAMESPACE, fieldSelector: 'metadata.name=plain' }),
      host.list(resources.pods, {
        namespace,
        fieldSelector: `metadata.name=${hostName(identity(), NAMESPACE, 'plain')}`,
      }),
    ]);
    return here.items.length === 0 && there.items.length === 0;
  });
});
