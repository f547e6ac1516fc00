import { Size } from 'cdk8s';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { Store } from '../../constructs';
import type { VirtualClusterProps } from '../../constructs';
import { applyManifests } from '../../syncer/bootstrap';
import { resources } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import { activePod, replicasReady, useTheAPI } from '../e2e/replicas';
import { useVirtualCluster } from '../e2e/virtual-cluster';
import { eventually, synthesize } from '../virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const PODS = 50;
/** What each pod asks for: fifty have to fit on one node. */
const SMALL = { requests: { cpu: '1m', memory: '1Mi' } };
const props: VirtualClusterProps = { store: Store.persistent({ size: Size.gibibytes(1) }) };
const cluster = useVirtualCluster('replicas', props);

/** Applies the manifests with another number of replicas, and removes what those do not have any more. */
async function scale(replicas: 1 | 3): Promise<void> {
  const { host, name, namespace } = cluster.current;
  await applyManifests(host, synthesize(name, namespace, { ...props, replicas }));
  if (replicas === 1) await host.delete(resources.podDisruptionBudgets, { namespace, name });
  await replicasReady(cluster.current, replicas);
}

const deployment = (name: string, replicas: number): Deployment => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'], resources: SMALL }],
      },
    },
  },
});

async function available(name: string, replicas: number): Promise<void> {
  const { virtual } = cluster.current;
  await eventually(
    `${replicas} pods of ${name} are available`,
    async () => {
      const { status } = await virtual.get<Deployment>(resources.deployments, { namespace: 'default', name });
      return status?.availableReplicas === replicas;
    },
    240,
  );
}

/** UIDs of the host's pods by the virtual pods that they are for. */
async function twins(app: string): Promise<Record<string, string>> {
  const { host, namespace, virtual } = cluster.current;
  const labelSelector = `app=${app}`;
  const pods = (await virtual.list<Pod>(resources.pods, { namespace: 'default', labelSelector })).items;
  const own = (await host.list<Pod>(resources.pods, { namespace })).items;
  return Object.fromEntries(
    pods.map(({ metadata }) => {
      const found = own.filter((pod) => pod.metadata?.annotations?.[ANNOTATIONS.uid] === metadata?.uid);
      return [metadata?.name ?? '', found.map((pod) => pod.metadata?.uid).join()];
    }),
  );
}

async function remember(key: string): Promise<void> {
  const { virtual } = cluster.current;
  await virtual.create(resources.configMaps, { metadata: { name: key, namespace: 'default' }, data: { key } } as never);
}

async function remembered(...keys: string[]): Promise<void> {
  const { virtual } = cluster.current;
  for (const name of keys) {
    await eventually(`ConfigMap ${name} is there`, () =>
      virtual.get(resources.configMaps, { namespace: 'default', name }),
    );
  }
}

test('one replica becomes three, a replica loses its volume, three become one and three again: all data and pods stay', async () => {
  const { host, name, namespace, virtual } = cluster.current;
  await remember('of-one');
  await virtual.create(resources.deployments, deployment('stays', 3));
  await available('stays', 3);
  const before = await twins('stays');

  await scale(3);
  await remember('of-three');
  await remembered('of-one', 'of-three');

  // A member whose volume is gone comes back by itself.
  await host.delete(resources.persistentVolumeClaims, { namespace, name: `data-${name}-1` });
  await host.delete(resources.pods, { namespace, name: `${name}-1` });
  await replicasReady(cluster.current, 3);
  await remembered('of-one', 'of-three');

  await scale(1);
  await remembered('of-one', 'of-three');
  await remember('of-one-again');

  // The volumes of the former second and third members are still there, and are not gone on with.
  await scale(3);
  await remembered('of-one', 'of-three', 'of-one-again');
  await available('stays', 3);
  expect(await twins('stays')).toEqual(before);
});

test('when one of three replicas is killed during a rollout of 50 pods, no request that is tried again fails for 5 s, and all pods come up', async () => {
  const { host, name, namespace, virtual } = cluster.current;
  await replicasReady(cluster.current, 3);
  const use = useTheAPI(cluster.current, 'default');
  const active = await activePod(cluster.current);
  await virtual.create(resources.deployments, deployment('many', PODS));
  await eventually('the rollout has begun', async () => Object.values(await twins('many')).some((uid) => uid !== ''));
  await host.delete(resources.pods, { namespace, name: active.split('_')[0] ?? name, gracePeriodSeconds: 0 });
  await activePod(cluster.current, active);
  await available('many', PODS);
  const { answered, longestFailureMs } = await use.stop();
  expect(answered).toBeGreaterThan(100);
  expect(longestFailureMs).toBeLessThan(5_000);
  const all = Object.values(await twins('many'));
  expect(all).toHaveLength(PODS);
  expect(all.filter((uid) => uid === '' || uid.includes(','))).toEqual([]);
});
