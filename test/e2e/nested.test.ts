import type { Container, Pod } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { contentsOf, eventually, launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';
import { synthesizeExample } from './example';
import { idle, Tenant } from './tenant';
import { expectTraffic, PORTS, provideAgnhost, trafficPod } from './traffic';
import type { Target } from './traffic';

/*
 * A virtual cluster in a virtual cluster in a virtual cluster, made from the same manifests; the host namespace of the
 * outermost enforces the strictest Pod Security level, so that nothing of it runs as root either.
 */

/** Three control planes, one after the other. */
const STARTS_MS = 600_000;
const OUTERMOST = 'e2e-nested';
/** It has kubectl in it. */
const KUBECTL = 'registry.k8s.io/kubectl:v1.37.2';
/** The manifests of a level, of the one program for all. */
const objects = (name: string, namespace: string) =>
  synthesizeExample('nested', { CLUSTER: name, NAMESPACE: namespace });

/** From the outermost inwards; each lives in namespace `inside` of the one before. */
const levels: RunningVirtualCluster[] = [];
const level = (index: number): RunningVirtualCluster => {
  const found = levels[index];
  if (!found) throw new Error(`virtual cluster ${index} of the nest did not start`);
  return found;
};
const innermost = {
  get current() {
    return level(2);
  },
};
const tenant = new Tenant(innermost, 'shop');

beforeAll(async () => {
  const host = await resolveHost({});
  const admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  try {
    await admin.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: OUTERMOST, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
  } finally {
    await admin.close();
  }
  levels.push(await launch({ host, name: 'outer', namespace: OUTERMOST, objects: await objects('outer', OUTERMOST) }));
  for (const name of ['middle', 'inner']) {
    const { kubeconfigPath } = level(levels.length - 1);
    const within = await resolveHost({ kind: 'existing', kubeconfig: kubeconfigPath });
    levels.push(await launch({ host: within, name, namespace: 'inside', objects: await objects(name, 'inside') }));
  }
  await tenant.prepare();
}, STARTS_MS);

afterAll(async () => {
  // From the inside outwards; each checks that its own host namespace holds nothing of it any more.
  const [outer] = levels;
  try {
    while (levels.length > 0) await levels.pop()?.destroy();
  } finally {
    const { connection } = await resolveHost({});
    const admin = new KubeClient(connection, { userAgent: 'nestling-test' });
    try {
      if (outer) expect(await contentsOf(admin, OUTERMOST)).toEqual([]);
      await admin.delete(resources.namespaces, { name: OUTERMOST });
    } finally {
      await admin.close();
    }
  }
}, STARTS_MS);

/** What Pod Security asks of a pod at its strictest level. */
const careful = {
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [idle('main', { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } })],
};

test('a pod of the innermost cluster runs on the real node, under a name of each level', async () => {
  await tenant.createPod('web', careful, { labels: { app: 'web' } });
  const pod = await tenant.ready('web');
  const [outer, middle, inner] = [level(0), level(1), level(2)];
  let [name, namespace] = ['web', tenant.namespace];
  let twin: Pod | undefined;
  for (const { name: cluster, namespace: hostNamespace, host } of [inner, middle, outer]) {
    name = hostName({ name: cluster, hostNamespace }, namespace, name);
    namespace = hostNamespace;
    twin = await host.get<Pod>(resources.pods, { namespace, name });
    expect({ cluster, address: twin.status?.podIP }).toEqual({ cluster, address: pod.status?.podIP });
  }
  expect(namespace).toBe(OUTERMOST);
  expect(twin?.spec?.nodeName).toBe(pod.spec?.nodeName);
});

test('its container sees the names of its own cluster, and commands reach it through three gateways', async () => {
  expect(await tenant.run('web', 'hostname')).toBe('web');
  expect(await tenant.shell('web', 'cat /var/run/secrets/kubernetes.io/serviceaccount/namespace')).toBe('shop');
  expect(await tenant.shell('web', 'cat /etc/resolv.conf')).toContain('search shop.svc.cluster.local');
});

test('names and addresses of Services are those of its own cluster', async () => {
  await tenant.create(resources.services, 'web', {
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const { spec } = await tenant.get<{ spec: { clusterIP: string } }>(resources.services, 'web');
  await eventually('the name of the Service resolves to its address', async () =>
    (await tenant.shell('web', 'nslookup web.shop.svc.cluster.local || true')).includes(spec.clusterIP),
  );
});

test('a program in a pod is a client of its own cluster’s API server', async () => {
  const container = { name: 'main', image: KUBECTL, command: ['kubectl', 'get', 'namespaces', '-o', 'name'] };
  const [idling] = careful.containers;
  await tenant.create(resources.clusterRoleBindings, 'viewers', {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: tenant.namespace }],
  });
  const containers = [{ ...idling, ...container }];
  await tenant.createPod('client', { ...careful, restartPolicy: 'Never', containers });
  await tenant.phase('client', 'Succeeded');
  const { stdout } = await tenant.kubectl('logs', 'client');
  expect(stdout).toContain('namespace/shop');
  expect(stdout).not.toContain('namespace/inside');
});

test('packets of the innermost cluster reach its own pods, Services and API server, and no pod of those that it is in', async () => {
  await provideAgnhost(await resolveHost({}));
  const at = (index: number): Tenant =>
    new Tenant(
      {
        get current() {
          return level(index);
        },
      },
      'network',
    );
  const [outer, middle, inner] = [at(0), at(1), at(2)];
  const addresses = new Map<Tenant, string>();
  for (const one of [outer, middle, inner]) {
    await one.prepare();
    await one.createPod('server', carefulTrafficPod('server'), { labels: { app: 'server' } });
  }
  await inner.createPod('client', carefulTrafficPod('client'), { labels: { app: 'client' } });
  await inner.create(resources.services, 'server', {
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: PORTS.http }] },
  });
  for (const one of [outer, middle, inner]) addresses.set(one, (await one.ready('server')).status?.podIP ?? '');
  await inner.ready('client');
  const send = (from: Tenant, pod: string, target: Target, expected: 'open' | 'dropped') =>
    expectTraffic(from.cluster.kubeconfigPath, { namespace: from.namespace, pod }, target, expected);
  const server = (of: Tenant): Target => ({ host: addresses.get(of) ?? '', port: PORTS.http });
  await send(inner, 'client', server(inner), 'open');
  await send(inner, 'client', { host: 'server.network.svc.cluster.local', port: 80 }, 'open');
  await send(inner, 'client', { host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
  await send(inner, 'client', server(middle), 'dropped');
  await send(inner, 'client', server(outer), 'dropped');
  await send(middle, 'server', server(outer), 'dropped');
  // To the cluster that it is in, a virtual cluster is pods like others.
  await send(middle, 'server', server(inner), 'open');
});

/** A {@link trafficPod} that meets Pod Security at its strictest level. */
function carefulTrafficPod(name: string): object {
  const { spec } = trafficPod('', name);
  const [{ securityContext }] = careful.containers as [Container];
  const containers = spec?.containers.map((container) => ({ ...container, securityContext }));
  return { ...spec, securityContext: careful.securityContext, containers };
}

test('a pod that its host would refuse is refused with a reason in the innermost cluster', async () => {
  await tenant.createPod('careless');
  const pod = await tenant.until(
    'careless',
    'is refused',
    ({ status }) =>
      status?.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False') ?? false,
  );
  expect(JSON.stringify(pod.status?.conditions)).toContain('allowPrivilegeEscalation');
});

test('deleting the pod removes it at every level', async () => {
  await tenant.deletePod('web');
  await eventually('no twin of the pod is left on the host', async () => {
    const { items } = await level(0).host.list<Pod>(resources.pods, { namespace: OUTERMOST });
    return items.every(({ metadata }) => !metadata?.name?.startsWith('web-x-'));
  });
});
