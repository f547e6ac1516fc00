import { resources } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { provideMetricsServer } from './metrics-server';
import { BUSYBOX, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

let remove: (() => Promise<void>) | undefined;
// Before the virtual cluster: it looks for the host's metrics when it starts, and once a minute then.
beforeAll(async () => {
  remove = await provideMetricsServer(await resolveHost({}));
  // The first time its program is built, which takes minutes.
}, 1_800_000);
afterAll(() => remove?.());

const cluster = useVirtualCluster('metrics');
const shop = new Tenant(cluster, 'shop');
const bank = new Tenant(cluster, 'bank');

/** A pod that uses a tenth of a core or more, or next to nothing. */
const pod = (script: string) => ({
  containers: [{ name: 'main', image: BUSYBOX, command: ['sh', '-c', script], resources: { limits: { cpu: '200m' } } }],
});

beforeAll(async () => {
  await Promise.all([shop.prepare(), bank.prepare()]);
  await shop.createPod('busy', pod('while true; do :; done'), { labels: { work: 'hard' } });
  await shop.createPod('idle', pod('sleep 3600'), { labels: { work: 'none' } });
  await bank.createPod('idle', pod('sleep 3600'));
  await Promise.all([shop.ready('busy'), shop.ready('idle'), bank.ready('idle')]);
});

/** Lines of `kubectl top` without the heading, by name: numbers of millicores and of mebibytes. */
async function top(...args: string[]): Promise<Map<string, { cpu: number; memory: number }>> {
  const { code, stdout, stderr } = await shop.kubectl('top', ...args, '--no-headers');
  if (code !== 0) throw new Error(`kubectl top ${args.join(' ')} ended with ${code}: ${stderr}`);
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line): [string, { cpu: number; memory: number }] => {
        const columns = line.split(/ +/);
        const cpu = columns.findIndex((text) => /^\d+m$/.test(text));
        const memory = columns.find((text) => /^\d+Mi$/.test(text));
        return [columns.slice(0, cpu).join('/'), { cpu: parseInt(columns[cpu] ?? ''), memory: parseInt(memory ?? '') }];
      }),
  );
}

test('kubectl top pods shows what each pod uses, under its own name', async () => {
  const found = await eventually(
    'all pods of the namespace are measured',
    async () => {
      const pods = await top('pods');
      return pods.has('busy') && pods.has('idle') ? pods : undefined;
    },
    120,
  );
  expect([...found.keys()].sort()).toEqual(['busy', 'idle']);
  expect(found.get('busy')?.cpu).toBeGreaterThan(20);
  expect(found.get('idle')?.cpu).toBeLessThan(20);

  const everywhere = await eventually('pods of all namespaces are measured', async () => {
    const pods = await top('pods', '--all-namespaces');
    return pods.has('bank/idle') ? pods : undefined;
  });
  // The tenant's own, its DNS among them, and nothing else of the host namespace.
  expect([...everywhere.keys()].filter((name) => !name.startsWith('kube-system/coredns-')).sort()).toEqual([
    'bank/idle',
    'shop/busy',
    'shop/idle',
  ]);
  expect([...(await top('pods', '-l', 'work=hard')).keys()]).toEqual(['busy']);
  expect([...(await top('pods', '-l', 'work notin (hard)')).keys()]).toEqual(['idle']);
  expect((await shop.kubectl('top', 'pod', 'busy', '--containers', '--no-headers')).stdout).toMatch(
    /^busy +main +\d+m +\d+Mi/,
  );
});

test('kubectl top nodes shows what the tenant’s pods use of each node', async () => {
  const node = (await shop.pod('busy')).spec?.nodeName ?? '';
  const used = await eventually(
    'the node’s pods are measured, the DNS with its 10 MB among them',
    async () => {
      const found = (await top('nodes')).get(node);
      return found !== undefined && found.memory > 0 ? found : undefined;
    },
    120,
  );
  expect(used.cpu).toBeGreaterThan(20);
});

test('a virtual node tells of the tenant’s pods on it as a kubelet would, and of nothing else', async () => {
  const node = (await shop.pod('busy')).spec?.nodeName ?? '';
  const raw = async (path: string) => {
    const { code, stdout, stderr } = await shop.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy${path}`);
    if (code !== 0) throw new Error(`${path}: ${stderr}`);
    return stdout;
  };
  const { items } = JSON.parse(await raw('/pods')) as {
    items: { metadata: { name: string; namespace: string; uid: string } }[];
  };
  const names = items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  expect(names).toEqual(expect.arrayContaining(['shop/busy', 'shop/idle', 'bank/idle']));
  expect(names.every((name) => /^(shop|bank|kube-system)\//.test(name))).toBe(true);
  expect(items.map(({ metadata }) => metadata.uid)).toContain((await shop.pod('busy')).metadata?.uid);

  const summary = JSON.parse(await raw('/stats/summary')) as {
    node: { nodeName: string };
    pods: { podRef: { name: string; namespace: string }; cpu: { usageNanoCores: number } }[];
  };
  expect(summary.node.nodeName).toBe(node);
  const busy = summary.pods.find(({ podRef }) => podRef.name === 'busy');
  expect(busy?.podRef.namespace).toBe('shop');
  expect(busy?.cpu.usageNanoCores).toBeGreaterThan(20_000_000);
  expect(await raw('/metrics/resource')).toMatch(/^pod_memory_working_set_bytes\{namespace="shop",pod="busy"\} \d+/m);
  expect(await raw('/metrics/cadvisor')).toMatch(
    /^container_memory_working_set_bytes\{container="main",namespace="shop",pod="busy"\} \d+/m,
  );
  for (const path of ['/pods', '/stats/summary', '/metrics/resource', '/metrics/cadvisor']) {
    expect(await raw(path)).not.toContain(cluster.current.namespace);
  }
});

test('who may not read metrics gets none', async () => {
  const { stderr } = await shop.kubectl('top', 'pods', '--as=system:serviceaccount:shop:default');
  expect(stderr).toContain('pods.metrics.k8s.io is forbidden');
});

test('a namespace goes although metrics.k8s.io is no API of the virtual cluster’s own', async () => {
  const passing = new Tenant(cluster, 'passing');
  await passing.prepare();
  await cluster.current.virtual.delete(resources.namespaces, { name: 'passing' });
  await eventually('the namespace is gone', async () => {
    const { items } = await cluster.current.virtual.list(resources.namespaces, { metadataOnly: true });
    return items.every(({ metadata }) => metadata?.name !== 'passing');
  });
});
