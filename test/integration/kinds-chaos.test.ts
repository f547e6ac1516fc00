import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { ConfigMap, Service } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { AnyObject, ObjectMeta, ResourceType } from '../../syncer/kube-client';
import { LABELS, TOKENS_KIND, ANNOTATIONS } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import {
  lastLife,
  NAMESPACES,
  OUTSIDE,
  PRIORITY_CLASS,
  RANDOM_TYPES,
  randomLives,
  SHARED,
  SYNC,
  WIDGETS,
} from './random-objects';
import type { Life, Step } from './random-objects';
import { startSyncerProcess } from './syncer-process';
import { TwoClusters } from './two-clusters';

const COUNT = 200;
/** Lives that go on at the same time. */
const CONCURRENCY = 12;
const KILLS = 6;
/** Longest pause in the life of one object, in ms. */
const PAUSE_MS = 700;
/** Seconds until both sides have to be equal. */
const SETTLE_SECONDS = 120;

const seed = Number(process.env['NESTLING_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const [lives = []] = fc.sample(randomLives(COUNT), { seed, numRuns: 1 });

/** What both sides hold, as text that is the same for the same state: without what each run gives anew. */
type Snapshot = ReadonlyMap<string, string>;

const DEFINITION: AnyObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${WIDGETS.resource}.${WIDGETS.group}` },
  spec: {
    group: WIDGETS.group,
    scope: 'Namespaced',
    names: { kind: WIDGETS.kind, plural: WIDGETS.resource, singular: 'widget' },
    versions: [
      {
        name: WIDGETS.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** Without these a claim that is deleted stays for ever. */
const PROTECTION = ['persistentvolumeclaim-protection-controller', 'persistentvolume-protection-controller'];

async function withClusters<T>(use: (clusters: TwoClusters) => Promise<T>): Promise<T> {
  // The host takes tokens away with their pods.
  const clusters = await TwoClusters.start({
    virtualControllers: PROTECTION,
    hostControllers: ['garbage-collector-controller', ...PROTECTION],
  });
  try {
    await clusters.stopSyncer();
    await clusters.host.create(resources.customResourceDefinitions, DEFINITION);
    await clusters.virtual.create<AnyObject>(resources.priorityClasses, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: PRIORITY_CLASS },
      value: 1000,
    });
    // Brings the definition, without which no widget can be made.
    await clusters.startSyncer({ sync: SYNC });
    await eventually('the virtual cluster serves widgets', () => clusters.virtual.list(WIDGETS));
    await clusters.stopSyncer();
    for (const name of NAMESPACES.filter((namespace) => namespace !== 'default')) {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await clusters.virtual.create(resources.namespaces, namespace);
      await eventually(`the ServiceAccount of namespace ${name}`, () =>
        clusters.virtual.get(resources.serviceAccounts, { namespace: name, name: 'default' }),
      );
    }
    for (const namespace of NAMESPACES) {
      await clusters.virtual.create<Service>(resources.services, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: OUTSIDE, namespace },
        spec: { ports: [{ port: 80 }] },
      });
      await clusters.virtual.create<ConfigMap>(resources.configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: SHARED, namespace },
        data: { color: 'red' },
      });
    }
    return await use(clusters);
  } finally {
    await clusters.stop();
  }
}

/** Applies one step as a tenant would: again when something else was quicker. */
async function apply(clusters: TwoClusters, { type, namespace, name }: Life, step: Step): Promise<void> {
  const at = { namespace, name };
  switch (step.action) {
    case 'create':
      await eventually(`${type.kind} ${namespace}/${name} is created`, () =>
        clusters.virtual.create(type, step.object),
      );
      return;
    case 'change':
      await eventually(`${type.kind} ${namespace}/${name} is changed`, () =>
        clusters.virtual.patch(type, { ...at, type: 'merge' }, step.patch),
      );
      return;
    case 'delete':
      await clusters.virtual.delete(type, at).catch((error: unknown) => {
        if (!ApiError.is(error, 'NotFound')) throw error;
      });
  }
}

/** @param pauseMs longest pause between two steps of one life: what happens in it is up to chance */
async function live(
  clusters: TwoClusters,
  all: readonly { life: Life; steps: readonly Step[] }[],
  pauseMs: number,
): Promise<void> {
  const left = [...all];
  const one = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      for (const step of next.steps) {
        await apply(clusters, next.life, step);
        await sleep(Math.random() * pauseMs);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, one));
}

/** Made by generators, or by the syncer and the virtual cluster's controllers because of them. */
const TYPES: readonly ResourceType[] = [...RANDOM_TYPES, resources.serviceAccounts];

async function snapshot(clusters: TwoClusters): Promise<Snapshot> {
  const result = new Map<string, string>();
  for (const type of TYPES) {
    const virtual = await clusters.virtual.list<AnyObject>(type, {});
    for (const object of virtual.items) {
      if (NAMESPACES.includes(object.metadata?.namespace ?? '') && !isGiven(object)) {
        result.set(`virtual ${type.kind} ${object.metadata?.namespace}/${object.metadata?.name}`, comparable(object));
      }
    }
    const labelSelector = `${LABELS.virtualCluster}=${NAME}`;
    const host = await clusters.host.list<AnyObject>(type, { namespace: HOST_NAMESPACE, labelSelector });
    for (const object of host.items) {
      // Copies of the root certificate differ with the cluster.
      if (object.metadata?.annotations?.[ANNOTATIONS.name] === 'kube-root-ca.crt') continue;
      result.set(`host ${type.kind} ${object.metadata?.name}`, comparable(object));
    }
  }
  return result;
}

/** What is there before any tenant does anything. */
const isGiven = ({ metadata }: AnyObject): boolean =>
  metadata?.name === 'kube-root-ca.crt' || (metadata?.namespace === 'default' && metadata.name === 'kubernetes');

/** Fields that hold what a server, a clock or chance gives. */
const GIVEN = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'observedGeneration',
  'creationTimestamp',
  'managedFields',
  'clusterIP',
  'clusterIPs',
  'nodePort',
  'healthCheckNodePort',
  'podIP',
  'podIPs',
  'hostIP',
  'hostIPs',
  'startTime',
  'startedAt',
  'lastTransitionTime',
  ANNOTATIONS.uid,
  ANNOTATIONS.resourceVersion,
  ANNOTATIONS.applied,
  ANNOTATIONS.guardedFor,
  'nestling.dev/renew-at',
]);

function comparable(object: AnyObject): string {
  const tokens = (object.metadata as ObjectMeta | undefined)?.annotations?.[ANNOTATIONS.kind] === TOKENS_KIND;
  const plain = tokens ? { ...object, data: Object.keys((object['data'] ?? {}) as object) } : object;
  return JSON.stringify(
    plain,
    (key, value: unknown) => {
      if (GIVEN.has(key)) return undefined;
      if (key === 'name' && typeof value === 'string') return value.replace(/^kube-api-access-\w+$/, 'kube-api-access');
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        // Service variables hold addresses; volumes of tokens have random names.
        return typeof value === 'string'
          ? value.replace(/\b\d+\.\d+\.\d+\.\d+\b/g, 'ADDRESS').replace(/kube-api-access-\w{5}\b/g, 'kube-api-access')
          : value;
      }
      return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
    },
    1,
  );
}

function differences(actual: Snapshot, expected: Snapshot): string[] {
  const result: string[] = [];
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const [one, other] = [actual.get(key), expected.get(key)];
    if (one === other) continue;
    if (other === undefined) result.push(`${key} is there and should not be`);
    else if (one === undefined) result.push(`${key} is missing`);
    else result.push(`${key} has the lines\n${linesOf(one, other)}\ninstead of\n${linesOf(other, one)}`);
  }
  return result;
}

/** The lines of one text that the other does not have. */
function linesOf(text: string, other: string): string {
  const known = new Set(other.split('\n'));
  return text
    .split('\n')
    .filter((line) => !known.has(line))
    .join('\n');
}

test(`${COUNT} objects of all kinds made, changed and deleted in random order, with the syncer killed at random moments, end as a sync from scratch does, and leave nothing (seed ${seed})`, async () => {
  const expected = await withClusters(async (clusters) => {
    // The objects that are there at the end, and a syncer that finds them all.
    await live(
      clusters,
      lives.map((one) => ({ life: one, steps: lastLife(one) })),
      0,
    );
    await clusters.startSyncer({ sync: SYNC });
    const pods = lives.filter((one) => one.type === resources.pods && lastLife(one).length > 0).length;
    let settled: Snapshot = new Map();
    await eventually(
      'a sync from scratch comes to rest with all pods running',
      async () => {
        const running = await clusters.virtual.list<AnyObject>(resources.pods, {
          fieldSelector: 'status.phase=Running',
        });
        expect(running.items).toHaveLength(pods);
        const before = settled;
        settled = await snapshot(clusters);
        expect(differences(settled, before)).toEqual([]);
        return true;
      },
      SETTLE_SECONDS,
    );
    return settled;
  });

  // Else equal sides would say nothing of a kind.
  const synced = TYPES.filter(({ kind }) => [...expected.keys()].some((key) => key.startsWith(`host ${kind} `)));
  expect(synced).toEqual(TYPES);

  await withClusters(async (clusters) => {
    const { host, virtual } = clusters.servers;
    const options = { connections: { host: host.connection, virtual: virtual.connection }, settings: { sync: SYNC } };
    let syncer = await startSyncerProcess(options);
    try {
      let done = false;
      const living = live(
        clusters,
        lives.map((one) => ({ life: one, steps: one.steps })),
        PAUSE_MS,
      ).finally(() => (done = true));
      living.catch(() => undefined); // reported where it is awaited
      for (let kills = 0; kills < KILLS; kills++) {
        await sleep(Math.random() * 2_500);
        await syncer.kill();
        // The last ones fall into the time in which the syncer catches up.
        syncer = await startSyncerProcess(options, done || kills % 2 === 0);
      }
      await living;
      await eventually(
        'both sides are as after a sync from scratch',
        async () => {
          const found = differences(await snapshot(clusters), expected);
          if (found.length > 0) throw new Error(`${found.length} differ; the first:\n${found.slice(0, 3).join('\n')}`);
          return true;
        },
        SETTLE_SECONDS,
      );

      const outside = NAMESPACES.map((namespace) => ({ type: resources.services, namespace, name: OUTSIDE }));
      for (const { type, namespace, name } of [...lives, ...outside]) {
        await clusters.virtual.delete(type, { namespace, name }).catch((error: unknown) => {
          if (!ApiError.is(error, 'NotFound')) throw error;
        });
      }
      await eventually(
        'nothing of the tenant is left on the host',
        async () => {
          const labelSelector = `${LABELS.virtualCluster}=${NAME}`;
          const left: string[] = [];
          for (const type of TYPES) {
            const { items } = await clusters.host.list(type, { namespace: HOST_NAMESPACE, labelSelector });
            left.push(...items.map(({ metadata }) => `${type.kind} ${metadata?.name}`));
          }
          // The name server's Service is not of the lives.
          expect(left).toEqual(['Service kube-dns-x-kube-system-x-vc']);
          return true;
        },
        SETTLE_SECONDS,
      );
    } finally {
      await syncer.kill();
    }
  });
}, 600_000);
