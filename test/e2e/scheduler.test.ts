import type { Node, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { NodeSyncPolicy, Scheduler } from '../../constructs';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { provideImage } from './provide-image';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/* A virtual cluster with a scheduler of its own: upstream's, which sees all nodes of the host. */

const SECONDS = 120;

const tenant = new Tenant(
  useVirtualCluster(
    'scheduler',
    {
      scheduler: Scheduler.virtual(),
      dns: { enabled: false },
      sync: {
        fromHost: {
          nodes: NodeSyncPolicy.allNodes(),
          storageClasses: { enabled: true },
          persistentVolumes: { enabled: true },
        },
      },
    },
    (host) => provideImage(host, 'kube-scheduler'),
  ),
  'shop',
);
/** A node of the host, which its tenant sees before there is any pod. */
let node: Node;

beforeAll(async () => {
  await tenant.prepare();
  node = await eventually('the host’s nodes are shown', async () => {
    const { items } = await tenant.cluster.virtual.list<Node>(resources.nodes);
    return items[0];
  });
});

/** Waits until an event about a pod has a text. */
const told = (name: string, reason: string, text: string): Promise<unknown> =>
  eventually(
    `an event ${reason} about pod ${name}`,
    async () => {
      const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
      const { items } = await tenant.cluster.virtual.list(resources.events, { namespace: 'shop', fieldSelector });
      return items.some((event) => (event as { message?: string }).message?.includes(text));
    },
    SECONDS,
  );

test('a node that no pod of the tenant is on answers as a kubelet without pods', async () => {
  const path = `/api/v1/nodes/${node.metadata?.name}/proxy/pods`;
  const pods = JSON.parse(await tenant.cluster.virtual.getText(path)) as object;
  expect(pods).toMatchObject({ kind: 'PodList', items: [] });
});

test('the scheduler of the virtual cluster chooses by what the tenant says of nodes, and the host runs the pod there', async () => {
  await tenant.createPod('web', { nodeSelector: { 'of-the-tenant': 'yes' } });
  await told('web', 'FailedScheduling', "didn't match Pod's node affinity/selector");
  await expect(tenant.onHost<Pod>(resources.pods, 'web')).rejects.toThrow('not found');
  const { code, stderr } = await tenant.kubectl('label', 'node', node.metadata?.name ?? '', 'of-the-tenant=yes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { spec } = await tenant.ready('web', SECONDS);
  expect(spec?.nodeName).toBe(node.metadata?.name);
  expect((await tenant.onHost<Pod>(resources.pods, 'web')).spec).toMatchObject({
    nodeName: node.metadata?.name,
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } },
  });
  expect(await tenant.shell('web', 'echo it runs')).toBe('it runs');
});

test('a volume that waits for a pod is made on the node that this scheduler selects', async () => {
  await eventually('the host’s default class is shown', async () => {
    const { items } = await tenant.cluster.virtual.list<StorageClass>(resources.storageClasses);
    return items.find(
      ({ metadata, volumeBindingMode }) =>
        metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' &&
        volumeBindingMode === 'WaitForFirstConsumer',
    );
  });
  await tenant.create<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'data', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
  });
  await tenant.createPod('writer', {
    containers: [idle('main', { volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  });
  await tenant.ready('writer', SECONDS);
  expect(await tenant.shell('writer', 'echo kept > /data/file && cat /data/file')).toBe('kept');
  const claim = await tenant.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'data');
  expect(claim.status?.phase).toBe('Bound');
});

test('what other tenants take of a node only the host knows: the pod waits there, and the tenant sees why', async () => {
  // All that the node has is free for all that this scheduler knows; the control plane alone takes some of it.
  const cpu = node.status?.allocatable?.['cpu'];
  await tenant.createPod('huge', { containers: [idle('main', { resources: { requests: { cpu: cpu! } } })] });
  const bound = await tenant.until('huge', 'is bound', ({ spec }) => spec?.nodeName !== undefined, SECONDS);
  expect(bound.spec?.nodeName).toBe(node.metadata?.name);
  const waiting = await tenant.until(
    'huge',
    'says that the host has no room',
    ({ status }) =>
      status?.conditions?.some(
        ({ type, status: value, message = '' }) =>
          type === 'PodScheduled' && value === 'False' && message.includes('Insufficient cpu'),
      ) ?? false,
    SECONDS,
  );
  expect(waiting.status?.phase).toBe('Pending');
  await told('huge', 'FailedScheduling', 'Insufficient cpu');
  await tenant.deletePod('huge');
});
