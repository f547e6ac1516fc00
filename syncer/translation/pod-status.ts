import type { ContainerState, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from 'kubernetes-types/core/v1';
import { isObject, type JsonObject } from './fields';
import { jsonEqual, objectChanges } from './json';
import { hiddenContainer, type HiddenContainer } from './hidden-container';
import { LABELS } from './keys';
import { podReferences } from './pod-references';
import { tenantTexts } from './tenant-text';

/** Fields of the status that newer API servers have and the types do not. */
type Status = PodStatus & { observedGeneration?: number };
type Condition = PodCondition & { observedGeneration?: number };

/*
 * What the host's status says wholesale. Left out, beside what is treated below: names of resource claims (which are not
 * synced) and nominatedNodeName (a host node that the tenant may not see yet).
 */
const PASSED = [
  'phase',
  'message',
  'reason',
  'startTime',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'allocatedResources',
  'resources',
  'resize',
  'volumeHealth',
] as const;
const CONTAINER_LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

/** Conditions of kubelets and schedulers: where the host has none, the virtual pod has none. */
const HOST_CONDITIONS: ReadonlySet<string> = new Set([
  'PodScheduled',
  'PodReadyToStartContainers',
  'Initialized',
  'ContainersReady',
  'Ready',
  'PodResizePending',
  'PodResizeInProgress',
]);

/**
 * Status of a virtual pod: the host's, for the virtual pod's containers, in the tenant's names. The virtual pod keeps its
 * QoS class, the conditions that its readiness gates name, and those that the host knows nothing about (a virtual
 * eviction's `DisruptionTarget`).
 */
export function virtualPodStatus(hostPod: Pod, virtualPod: Pod): PodStatus {
  const host = (hostPod.status ?? {}) as Status & JsonObject;
  const text = translator(hostPod, virtualPod);
  const result: JsonObject = {};
  for (const field of PASSED) if (host[field] != null) result[field] = host[field];
  if (typeof host.message === 'string') result['message'] = text(host.message);
  if (virtualPod.status?.qosClass !== undefined) result['qosClass'] = virtualPod.status.qosClass;

  const { spec } = virtualPod;
  const hidden = hiddenContainer(hostPod);
  const volumes = new Set(spec?.volumes?.map(({ name }) => name));
  if (Array.isArray(host['volumeHealth'])) {
    result['volumeHealth'] = host['volumeHealth'].filter(({ name }: { name: string }) => volumes.has(name));
  }
  const containers = [spec?.containers, spec?.initContainers, spec?.ephemeralContainers];
  for (const [index, list] of CONTAINER_LISTS.entries()) {
    const names = new Set(containers[index]?.map(({ name }) => name));
    const statuses = host[list]?.filter(({ name }) => names.has(name));
    if (statuses !== undefined && statuses.length > 0) {
      result[list] = statuses.map((status) => hideIn(containerStatus(status, text), hidden, spec));
    }
  }

  const generation = generations(hostPod, virtualPod);
  const observed = generation(host.observedGeneration, (virtualPod.status as Status | undefined)?.observedGeneration);
  if (observed !== undefined) result['observedGeneration'] = observed;
  const conditions = mergedConditions(
    hidden === undefined ? (host.conditions ?? []) : withoutHidden(host.conditions ?? [], hidden, host, spec),
    virtualPod,
    text,
    generation,
  );
  if (conditions.length > 0) result['conditions'] = conditions;
  return result as PodStatus;
}

/**
 * Strategic merge patch (`application/strategic-merge-patch+json`) for the virtual pod's `status` subresource, or
 * undefined when a user would see no change.
 *
 * Strategic, as it merges conditions by type: a readiness gate that a controller writes at the same time stays. The lists
 * of container statuses are atomic and go as a whole; `podIPs` and `hostIPs` carry a directive that replaces them; objects carry what changed.
 * The UID makes it fail on a namesake (as invalid, 422, on `metadata.uid`).
 */
export function virtualPodStatusPatch(hostPod: Pod, virtualPod: Pod): object | undefined {
  const desired = virtualPodStatus(hostPod, virtualPod) as JsonObject;
  const current = (virtualPod.status ?? {}) as JsonObject;
  const changes: JsonObject = {};
  for (const field of [...PASSED, ...CONTAINER_LISTS, 'observedGeneration']) {
    const [wanted, present] = [desired[field], current[field]];
    if (jsonEqual(wanted, present)) continue;
    if (field === 'podIPs' || field === 'hostIPs') {
      changes[field] = [{ $patch: 'replace' }, ...((wanted as unknown[] | undefined) ?? [])];
    } else if (isObject(wanted)) {
      changes[field] = objectChanges(wanted, present);
    } else {
      changes[field] = wanted ?? null;
    }
  }
  const conditions = conditionChanges(
    (desired['conditions'] as Condition[] | undefined) ?? [],
    virtualPod.status?.conditions ?? [],
  );
  if (conditions.length > 0) changes['conditions'] = conditions;
  if (Object.keys(changes).length === 0) return undefined;
  return { metadata: { uid: virtualPod.metadata?.uid }, status: changes };
}

/**
 * Strategic merge patch for the host pod's `status` subresource: conditions that the virtual pod's readiness gates name,
 * which the host's kubelet waits for. Undefined when the host has them all. The only status that goes down.
 */
export function hostPodStatusPatch(virtualPod: Pod, hostPod: Pod): object | undefined {
  const gates = readinessGates(virtualPod);
  if (gates.size === 0) return undefined;
  const wanted = (virtualPod.status?.conditions ?? []).filter(({ type }) => gates.has(type));
  const present = (hostPod.status?.conditions ?? []).filter(({ type }) => gates.has(type));
  // Generations of the two pods do not compare.
  const conditions = conditionChanges(
    wanted.map((condition) => without(condition, 'observedGeneration')),
    present.map((condition) => without(condition, 'observedGeneration')),
  );
  return conditions.length > 0 ? { metadata: { uid: hostPod.metadata?.uid }, status: { conditions } } : undefined;
}

function readinessGates(pod: Pod): Set<string> {
  const gates = (pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
  return new Set(gates.filter((type) => !HOST_CONDITIONS.has(type)));
}

type Text = (text: string) => string;
/** The virtual generation that corresponds to one which the host observed, or `previous` while it is not known. */
type Generations = (observed: number | undefined, previous: number | undefined) => number | undefined;

function mergedConditions(
  host: readonly Condition[],
  virtualPod: Pod,
  text: Text,
  generation: Generations,
): Condition[] {
  const gates = readinessGates(virtualPod);
  const previous = new Map((virtualPod.status?.conditions ?? []).map((one): [string, Condition] => [one.type, one]));
  const result: Condition[] = [];
  for (const condition of host) {
    if (gates.has(condition.type)) continue;
    const translated = without(condition, 'observedGeneration');
    if (translated.lastProbeTime == null) delete translated.lastProbeTime;
    if (typeof translated.message === 'string') translated.message = text(translated.message);
    const observed = generation(condition.observedGeneration, previous.get(condition.type)?.observedGeneration);
    result.push(observed === undefined ? translated : { ...translated, observedGeneration: observed });
  }
  const fromHost = new Set(result.map(({ type }) => type));
  for (const condition of previous.values()) {
    if (!fromHost.has(condition.type) && !HOST_CONDITIONS.has(condition.type)) result.push(condition);
  }
  return result;
}

/** Elements of a strategic merge patch from one list of conditions to another. When a condition was last probed is no change. */
function conditionChanges(desired: readonly Condition[], current: readonly Condition[]): JsonObject[] {
  const present = new Map(current.map((one): [string, Condition] => [one.type, one]));
  const changes: JsonObject[] = [];
  for (const condition of desired) {
    const before = present.get(condition.type);
    present.delete(condition.type);
    if (before !== undefined && jsonEqual(without(condition, 'lastProbeTime'), without(before, 'lastProbeTime')))
      continue;
    const change: JsonObject = { ...condition };
    for (const field of ['reason', 'message', 'observedGeneration'] as const) {
      if (before?.[field] != null && condition[field] == null) change[field] = null;
    }
    changes.push(change);
  }
  for (const type of present.keys()) changes.push({ type, $patch: 'delete' });
  return changes;
}

function without<T extends object>(object: T, field: string): T {
  const copy = { ...object };
  delete (copy as JsonObject)[field];
  return copy;
}

function containerStatus(status: ContainerStatus, text: Text): ContainerStatus {
  const result = { ...status };
  if (status.state !== undefined) result.state = containerState(status.state, text);
  if (status.lastState !== undefined) result.lastState = containerState(status.lastState, text);
  return result;
}

function containerState(state: ContainerState, text: Text): ContainerState {
  const { waiting, terminated } = state;
  // A terminated container's message is its own, or the runtime's.
  if (waiting?.message === undefined && terminated?.message === undefined) return state;
  return {
    ...state,
    ...(waiting && { waiting: { ...waiting, ...(waiting.message && { message: text(waiting.message) }) } }),
    ...(terminated && {
      terminated: { ...terminated, ...(terminated.message && { message: text(terminated.message) }) },
    }),
  };
}

/** A container's status as it would be without the hidden container, whose trouble shows as why this one waits. */
function hideIn(
  status: ContainerStatus,
  hidden: HiddenContainer | undefined,
  spec: PodSpec | undefined,
): ContainerStatus {
  const waiting = status.state?.waiting;
  if (hidden === undefined || waiting === undefined) return status;
  const reason =
    waiting.reason === 'PodInitializing' && !hasInitContainers(spec) ? 'ContainerCreating' : waiting.reason;
  const message = hidden.trouble ?? waiting.message;
  return {
    ...status,
    state: { waiting: { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) } },
  };
}

/** Conditions as they would be without the hidden container: a pod with no init containers is initialized from its start. */
function withoutHidden(
  conditions: readonly Condition[],
  { name }: HiddenContainer,
  { startTime }: Status,
  spec: PodSpec | undefined,
): Condition[] {
  return conditions.map((condition) => {
    if (condition.type !== 'Initialized') return condition;
    if (!hasInitContainers(spec)) {
      const initialized = condition.status === 'True' ? condition : without(without(condition, 'reason'), 'message');
      return { ...initialized, status: 'True', ...(startTime != null && { lastTransitionTime: startTime }) };
    }
    if (typeof condition.message !== 'string') return condition;
    // "containers with incomplete status: [NAME NAME]"; there may be several such lists.
    const lists = condition.message.replace(/\[([^\]]*)\]/g, (_list, names: string) => {
      const own = names.split(' ').filter((one) => one !== name);
      return `[${own.join(' ')}]`;
    });
    return { ...condition, message: lists };
  });
}

function hasInitContainers(spec: PodSpec | undefined): boolean {
  return (spec?.initContainers?.length ?? 0) > 0;
}

/** Replaces host names in texts; what is needed for it is collected with the first text. */
function translator(hostPod: Pod, virtualPod: Pod): Text {
  let translated: Text | undefined;
  const id = {
    name: hostPod.metadata?.labels?.[LABELS.virtualCluster] ?? '',
    hostNamespace: hostPod.metadata?.namespace ?? '',
  };
  return (text) => {
    translated ??= tenantTexts(id, [
      {
        namespace: virtualPod.metadata?.namespace ?? '',
        name: virtualPod.metadata?.name ?? '',
        uids: { host: hostPod.metadata?.uid ?? '', virtual: virtualPod.metadata?.uid ?? '' },
      },
      ...podReferences(virtualPod),
    ]);
    return translated(text);
  };
}

/**
 * Observed generations count the changes of the host pod. The newest of them means the newest of the virtual pod when the
 * host's spec has all that can change in the virtual one; any other says nothing, so the last known stays.
 */
function generations(hostPod: Pod, virtualPod: Pod): Generations {
  const newest = hostPod.metadata?.generation;
  const virtual = virtualPod.metadata?.generation;
  let reflected: boolean | undefined;
  return (observed, previous) => {
    if (observed == null || virtual === undefined) return undefined;
    if (observed !== newest) return previous ?? undefined;
    reflected ??= reflects(hostPod, virtualPod);
    return reflected ? virtual : (previous ?? undefined);
  };
}

/** Whether the host pod's spec has the values of all fields that can be changed in a virtual pod. */
function reflects(hostPod: Pod, virtualPod: Pod): boolean {
  const [host, virtual] = [hostPod.spec, virtualPod.spec];
  if (host === undefined || virtual === undefined) return false;
  if (!jsonEqual(host.activeDeadlineSeconds, virtual.activeDeadlineSeconds)) return false;
  const lists = [
    [host.containers, virtual.containers],
    [host.initContainers, virtual.initContainers],
    [host.ephemeralContainers, virtual.ephemeralContainers],
  ] as const;
  for (const [actual, wanted] of lists) {
    const byName = new Map(actual?.map((container) => [container.name, container]));
    for (const container of wanted ?? []) {
      const twin = byName.get(container.name);
      if (twin?.image !== container.image || !has(twin?.resources, container.resources)) return false;
    }
  }
  return (virtual.tolerations ?? []).every((wanted) => host.tolerations?.some((one) => jsonEqual(one, wanted)));
}

/** Whether all limits and requests that are wanted are there; the host may add others. */
function has(actual: object | undefined, wanted: object | undefined): boolean {
  const [present, needed] = [(actual ?? {}) as JsonObject, (wanted ?? {}) as JsonObject];
  return ['limits', 'requests'].every((list) => {
    const values = new Map(Object.entries((present[list] ?? {}) as JsonObject));
    return Object.entries((needed[list] ?? {}) as JsonObject).every(([key, value]) => values.get(key) === value);
  });
}
