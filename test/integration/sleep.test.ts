import { setTimeout as sleep } from 'node:timers/promises';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { pause, PAUSED_AT_ANNOTATION, resume } from '../../syncer/sleep';
import { ANNOTATIONS, LABELS } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

const identity = { name: NAME, hostNamespace: HOST_NAMESPACE };
const namespace = HOST_NAMESPACE;

/** Longer than a second: what Kubernetes says of times has no finer ones, and a real control plane takes longer to come up. */
const WAKING_MS = 1_200;

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  const labels = { app: 'control-plane' };
  await clusters.host.create<StatefulSet>(resources.statefulSets, {
    metadata: { name: NAME, namespace },
    spec: {
      replicas: 3,
      serviceName: NAME,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'syncer', image: 'example.org/syncer:1' }] },
      },
    },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const set = () => clusters.host.get<StatefulSet>(resources.statefulSets, { namespace, name: NAME });
const anchor = () => clusters.host.get<ConfigMap>(resources.configMaps, { namespace, name: `${NAME}-anchor` });
const hostPods = async () => {
  const { items } = await clusters.host.list<Pod>(resources.pods, { namespace });
  return items.map(({ metadata }) => metadata?.name);
};

/** A pod on the host that is none of the tenant's, whatever its labels say. */
async function foreignPod(name: string, labels: Record<string, string>): Promise<void> {
  clusters.node.ignored.add(name);
  await clusters.host.create<Pod>(resources.pods, {
    metadata: { name, namespace, labels },
    spec: { containers: [{ name: 'main', image: 'example.org/main:1' }] },
  });
}

test('a pause takes the tenant’s pods from the host, and after it pods run on where nobody makes them anew', async () => {
  await clusters.createPod('pet');
  await clusters.createPod('once', { restartPolicy: 'Never' });
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'many', uid: '1', controller: true };
  await clusters.createPod('one-of-many', {}, { ownerReferences: [controller] });
  const [pet] = await Promise.all(['pet', 'once', 'one-of-many'].map((name) => clusters.running(name)));
  await foreignPod('somebody', {});
  await foreignPod('lookalike', { [LABELS.virtualCluster]: NAME, [LABELS.namespace]: 'default' });

  await clusters.stopSyncer();
  const told: string[] = [];
  await pause(clusters.host, identity, { log: (text) => told.push(text) });
  expect(told).toEqual(['scaling the control plane from 3 to 0', 'removing 3 pods of the tenant from the host']);
  expect(await hostPods()).toEqual(['lookalike', 'somebody']);
  expect((await set()).spec?.replicas).toBe(0);
  expect(Date.parse((await anchor()).metadata?.annotations?.[PAUSED_AT_ANNOTATION] ?? '')).not.toBeNaN();

  await resume(clusters.host, identity);
  expect((await set()).spec?.replicas).toBe(3);
  await sleep(WAKING_MS);
  await clusters.startSyncer();
  await eventually('the pod of a controller is gone, for the controller to make another', async () => {
    return (await clusters.virtualOne(resources.pods, 'one-of-many')) === undefined;
  });
  const twin = await eventually('the pod without controller is on the host again', () =>
    clusters.twin<Pod>(resources.pods, 'pet'),
  );
  expect(twin.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(pet?.metadata?.uid);
  const required = twin.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  expect(required?.nodeSelectorTerms).toEqual([
    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] },
  ]);
  await eventually('it runs there', async () => {
    const pod = await clusters.virtual.get<Pod>(resources.pods, { namespace: 'default', name: 'pet' });
    const started = Date.parse(pod.status?.startTime ?? '');
    return pod.metadata?.uid === pet?.metadata?.uid && started > Date.parse(pet?.status?.startTime ?? '');
  });
  const once = await eventually('the pod that may not start twice has failed', async () => {
    const pod = await clusters.virtual.get<Pod>(resources.pods, { namespace: 'default', name: 'once' });
    return pod.status?.phase === 'Failed' ? pod : undefined;
  });
  expect(once.status).toMatchObject({ reason: 'Terminated' });
  expect(await clusters.twin(resources.pods, 'once')).toBeUndefined();
});

test('a pause and a resume may be repeated', async () => {
  await clusters.stopSyncer();
  await pause(clusters.host, identity);
  const told: string[] = [];
  await pause(clusters.host, identity, { log: (text) => told.push(text) });
  expect(told).toEqual(['removing 0 pods of the tenant from the host']);
  await resume(clusters.host, identity);
  await resume(clusters.host, identity, { log: (text) => told.push(text) });
  expect(told.at(-1)).toBe('the control plane is awake');
  expect((await set()).spec?.replicas).toBe(3);
  await sleep(WAKING_MS);
  await clusters.startSyncer();
});

test('a pod that is lost after the pause is lost, as ever', async () => {
  const pod = await clusters.createPod('later');
  await clusters.running('later');
  await clusters.host.delete(resources.pods, {
    namespace,
    name: clusters.hostNameOf('later'),
    gracePeriodSeconds: 0,
  });
  await eventually('the pod is gone from the virtual cluster', async () => {
    const left = await clusters.virtualOne<Pod>(resources.pods, 'later');
    return left?.metadata?.uid !== pod.metadata?.uid;
  });
});

test('a cluster that is woken while it is put to sleep keeps its pods', async () => {
  const name = 'sleepless';
  await clusters.createPod(name);
  await clusters.running(name);
  await clusters.stopSyncer();
  // Its control plane takes its time to end.
  const labels = { 'app.kubernetes.io/component': 'control-plane', 'nestling.dev/control-plane': NAME };
  await foreignPod('control-plane', labels);
  const pausing = pause(clusters.host, identity);
  pausing.catch(() => undefined); // awaited below
  await eventually('the control plane is scaled to none', async () => (await set()).spec?.replicas === 0);
  await resume(clusters.host, identity);
  await clusters.host.delete(resources.pods, { namespace, name: 'control-plane', gracePeriodSeconds: 0 });
  await expect(pausing).rejects.toThrow('was woken while it was put to sleep');
  expect((await clusters.twin<Pod>(resources.pods, name))?.metadata?.deletionTimestamp).toBeUndefined();
  await clusters.startSyncer();
});

test('there is nothing to put to sleep where there is no such cluster', async () => {
  await expect(pause(clusters.host, { ...identity, name: 'nobody' })).rejects.toMatchObject({ reason: 'NotFound' });
});
