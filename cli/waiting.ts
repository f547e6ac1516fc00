import type { ContainerStatus, Event, Pod } from 'kubernetes-types/core/v1';

/** What containers of the control plane bring, for who waits for it. */
const BRINGS: ReadonlyMap<string, string> = new Map([
  ['pki', 'certificates to be made'],
  ['etcd', 'the store to answer'],
  ['kine', 'the store to answer'],
  ['kube-apiserver', 'the API server to answer'],
  ['syncer', 'the syncer to write the kubeconfig'],
  ['kube-controller-manager', 'the controllers to start'],
  ['kube-scheduler', 'the scheduler to start'],
]);

const PULL_PROBLEMS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
]);

/** Whether a pod is ready. */
export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** What a control plane waits for, by its pods: the first that is not ready, in words such as `pod my-vc1-0: image … to be pulled`. */
export function waitingFor(pods: readonly Pod[], expectedPod: string): string {
  const pod = pods.find((one) => !isReady(one)) ?? pods[0];
  if (pod === undefined) return `pod ${expectedPod} to be made`;
  const what = `pod ${pod.metadata?.name}`;
  if (pod.metadata?.deletionTimestamp !== undefined) return `${what}: the old one to end`;
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'True' && pod.spec?.nodeName === undefined) {
    return `${what}: a node${scheduled?.message ? ` (${scheduled.message})` : ''}`;
  }
  const init = (pod.status?.initContainerStatuses ?? []).find(({ state }) => state?.terminated?.exitCode !== 0);
  if (init !== undefined) return `${what}: ${ofContainer(init)}`;
  const containers = pod.status?.containerStatuses ?? [];
  // What has a problem is told before what only takes its time.
  const stuck = containers.find((one) => !one.ready && one.state?.running === undefined);
  const next =
    stuck ?? [...BRINGS.keys()].map((name) => containers.find((one) => one.name === name && !one.ready)).find(Boolean);
  return `${what}: ${next === undefined ? 'its containers to start' : ofContainer(next)}`;
}

function ofContainer({ name, image, state, lastState, restartCount = 0 }: ContainerStatus): string {
  const waiting = state?.waiting;
  if (waiting?.reason !== undefined && PULL_PROBLEMS.has(waiting.reason)) {
    return `image ${image} cannot be pulled (${waiting.message ?? waiting.reason})`;
  }
  const ended = state?.terminated ?? lastState?.terminated;
  if (restartCount > 0 && ended !== undefined && ended.exitCode !== 0 && state?.running === undefined) {
    return `container ${name} ended with code ${ended.exitCode}, and is started again (${restartCount} times so far)`;
  }
  if (waiting !== undefined) {
    const usual = waiting.reason === undefined || ['ContainerCreating', 'PodInitializing'].includes(waiting.reason);
    return usual
      ? `image of ${name} to be pulled, or its volumes`
      : `container ${name}: ${waiting.reason}${waiting.message ? ` (${waiting.message})` : ''}`;
  }
  return BRINGS.get(name) ?? `container ${name}`;
}

/** When an event was seen last, in ms since the epoch. */
export function eventTime({ lastTimestamp, eventTime: time, metadata }: Event): number {
  return Date.parse(lastTimestamp ?? time ?? metadata.creationTimestamp ?? '') || 0;
}

/** The newest event of objects with these names; of equally new ones the last. */
export function lastEvent(events: readonly Event[], names: ReadonlySet<string>): Event | undefined {
  let newest: Event | undefined;
  for (const event of events) {
    if (!names.has(event.involvedObject.name ?? '')) continue;
    if (newest === undefined || eventTime(event) >= eventTime(newest)) newest = event;
  }
  return newest;
}

/** An event in one line. */
export function eventLine({ type, reason, message, involvedObject }: Event): string {
  return `${type === 'Warning' ? 'warning: ' : ''}${involvedObject.kind} ${involvedObject.name}: ${reason}: ${(message ?? '').trim().replace(/\s+/g, ' ')}`;
}
