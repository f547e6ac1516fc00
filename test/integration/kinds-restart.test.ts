import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const POD_COUNT = 30;

test('stopped and started while 30 pods are created and deleted in any order, the syncer ends with equal sides', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed} (SEED repeats it)\n`);
  const random = randomFrom(seed);

  // Every host pod that ever was, by the UID of the virtual pod that it was made for.
  const made = new Map<string, Set<string>>();
  const stop = new AbortController();
  const { metadata } = await clusters.host.list<Pod>(resources.pods, { namespace: HOST_NAMESPACE });
  const watching = (async () => {
    const watch = clusters.host.watch<Pod>(resources.pods, {
      namespace: HOST_NAMESPACE,
      resourceVersion: metadata.resourceVersion ?? '',
      signal: stop.signal,
    });
    for await (const { type, object } of watch) {
      if (type !== 'ADDED') continue;
      const virtualUID = object.metadata?.annotations?.[ANNOTATIONS.uid] ?? '';
      made.set(virtualUID, (made.get(virtualUID) ?? new Set()).add(object.metadata?.uid ?? ''));
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });

  let restarts = 0;
  const restarting = (async () => {
    for (; restarts < 3; restarts += 1) {
      await sleep(300 + random() * 700);
      await clusters.stopSyncer();
      await sleep(random() * 500);
      await clusters.startSyncer();
    }
  })();

  const wanted = new Map<string, string>();
  let created = 0;
  for (let step = 0; created < POD_COUNT || restarts < 3; step += 1) {
    const name = `pod-${Math.floor(random() * 12)}`;
    const existing = wanted.get(name);
    if (existing === undefined) {
      try {
        const pod = await clusters.createPod(name, { terminationGracePeriodSeconds: 1 });
        wanted.set(name, pod.metadata?.uid ?? '');
        created += 1;
      } catch {
        // The former pod of that name has not ended yet.
      }
    } else if (random() < 0.6) {
      const force = random() < 0.3 ? { gracePeriodSeconds: 0 } : {};
      await clusters.virtual.delete(resources.pods, { namespace: 'default', name, ...force });
      wanted.delete(name);
    }
    await sleep(random() * 60);
  }
  await restarting;

  await eventually('both sides hold the same pods, all of them running', async () => {
    const [here, there] = await Promise.all([
      clusters.virtual.list<Pod>(resources.pods, { namespace: 'default' }),
      clusters.host.list<Pod>(resources.pods, { namespace: HOST_NAMESPACE }),
    ]);
    const uids = [...wanted.values()].sort();
    expect(here.items.map((pod) => pod.metadata?.uid).sort()).toEqual(uids);
    expect(there.items.map((pod) => pod.metadata?.annotations?.[ANNOTATIONS.uid]).sort()).toEqual(uids);
    expect(here.items.map((pod) => pod.status?.phase)).toEqual(uids.map(() => 'Running'));
    return true;
  });
  await eventually('every pod has its own tokens', async () => {
    const secrets = await clusters.host.list<Secret>(resources.secrets, { namespace: HOST_NAMESPACE });
    const served = new Set(secrets.items.map((secret) => secret.metadata?.annotations?.[ANNOTATIONS.uid]));
    return [...wanted.values()].every((uid) => served.has(uid));
  });
  stop.abort();
  await watching;
  const twice = [...made].filter(([, pods]) => pods.size > 1);
  expect(twice).toEqual([]);
});
