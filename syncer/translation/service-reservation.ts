import type { Service } from 'kubernetes-types/core/v1';
import { ANNOTATIONS } from './keys';
import { hostServicePatch } from './service';

/**
 * Seconds for which a reservation holds against a virtual Service that is there and does not agree with it: an update that
 * is not stored yet, or a successor of the name that the caches do not show yet. Both take milliseconds, or never come.
 */
export const UPDATE_RESERVATION_SECONDS = 10;

/**
 * What to do with a host Service that carries an open reservation.
 * - `adopt`: its virtual Service is there; {@link adoption} makes it the twin.
 * - `wait`: the virtual API server may still store the Service; look again after `afterMs` milliseconds.
 * - `remove`: nothing will use it (or what it holds contradicts the virtual Service): delete it, with its UID and
 *   resourceVersion as preconditions, as a new request may renew it at this moment.
 */
export type ReservationVerdict = { verdict: 'adopt' } | { verdict: 'wait'; afterMs: number } | { verdict: 'remove' };

/** Whether a host Service carries a reservation that no controller has settled yet. */
export function isReserved(host: Service): boolean {
  return host.metadata?.annotations?.[ANNOTATIONS.reservation] !== undefined;
}

/**
 * Milliseconds since the reservation was made or renewed.
 *
 * @returns Infinity when the time cannot be read or lies further ahead than clocks drift: such a reservation never holds
 */
export function reservationAge(host: Service, now: number): number {
  const made = Date.parse(host.metadata?.annotations?.[ANNOTATIONS.reservation] ?? '');
  if (Number.isNaN(made) || made - now > 60_000) return Infinity;
  return Math.max(0, now - made);
}

/**
 * Decides about a host Service with an open reservation. The caller has checked that it is ours (`ownedBy`) and that
 * both caches are complete.
 *
 * @param virtual the virtual Service of that namespace and name, if there is one
 * @param now milliseconds since 1970
 * @param seconds how long a reservation without a virtual Service holds (`services.reservationSeconds`)
 */
export function reservationVerdict(
  host: Service,
  virtual: Service | undefined,
  now: number,
  seconds: number,
): ReservationVerdict {
  const uid = host.metadata?.annotations?.[ANNOTATIONS.uid];
  const age = reservationAge(host, now);
  if (uid === undefined) {
    if (!virtual) return waitUntil(seconds * 1000, age) ?? { verdict: 'remove' };
    // Made for a successor of this one: a cache still shows what was deleted a moment ago.
    const wait = predates(virtual, host) ? waitUntil(UPDATE_RESERVATION_SECONDS * 1000, age) : undefined;
    if (wait) return wait;
    // A second create of the name may have renewed the reservation with other wishes before it was refused.
    return contradicts(host, virtual) || virtual.spec?.type === 'ExternalName'
      ? { verdict: 'remove' }
      : { verdict: 'adopt' };
  }
  if (!virtual || virtual.metadata?.uid !== uid || contradicts(host, virtual)) return { verdict: 'remove' };
  // The host is ahead of the virtual Service until the update is stored; copying the old spec down would free what
  // admission has just promised.
  if (sameAllocation(host, virtual)) return { verdict: 'adopt' };
  return waitUntil(UPDATE_RESERVATION_SECONDS * 1000, age) ?? { verdict: 'adopt' };
}

/**
 * The merge patch that turns a reserved host Service into the twin of a stored virtual Service.
 *
 * @param host the reserved Service; its resourceVersion is the patch's precondition
 * @param desired the translation of the stored virtual Service
 * @param uid the virtual Service's UID
 */
export function adoption(host: Service, desired: Service, uid: string): object {
  const patch = (hostServicePatch(desired, host) ?? {}) as { metadata?: { annotations?: Record<string, unknown> } };
  return {
    ...patch,
    metadata: {
      ...patch.metadata,
      ...(host.metadata?.resourceVersion === undefined ? {} : { resourceVersion: host.metadata.resourceVersion }),
      annotations: { ...patch.metadata?.annotations, [ANNOTATIONS.uid]: uid, [ANNOTATIONS.reservation]: null },
    },
  };
}

/**
 * Whether two Services of one pair hold addresses that can never become equal by a change in place: a cluster IP is
 * fixed once it is set, and `None` counts as one.
 */
export function contradicts(host: Service, virtual: Service): boolean {
  const ours = clusterIPs(host);
  const theirs = clusterIPs(virtual);
  return ours.some((address, index) => theirs[index] !== undefined && theirs[index] !== address);
}

/** A Service's cluster IPs; `clusterIP` stands in for a list that was not filled. */
export function clusterIPs(service: Service): readonly string[] {
  const { clusterIP, clusterIPs: list } = service.spec ?? {};
  if (list && list.length > 0) return list;
  return clusterIP === undefined || clusterIP === '' ? [] : [clusterIP];
}

function waitUntil(limitMs: number, ageMs: number): ReservationVerdict | undefined {
  return ageMs < limitMs ? { verdict: 'wait', afterMs: limitMs - ageMs } : undefined;
}

/** Whether a virtual Service was stored in an earlier second than its reservation was made: times of creation have no parts. */
function predates(virtual: Service, host: Service): boolean {
  const created = Date.parse(virtual.metadata?.creationTimestamp ?? '');
  const made = Date.parse(host.metadata?.annotations?.[ANNOTATIONS.reservation] ?? '');
  return created < Math.floor(made / 1000) * 1000;
}

/** Whether type, addresses and node ports agree: all that admission gives. */
function sameAllocation(host: Service, virtual: Service): boolean {
  const [a, b] = [host.spec ?? {}, virtual.spec ?? {}];
  const [ours, theirs] = [clusterIPs(host), clusterIPs(virtual)];
  return (
    (a.type ?? 'ClusterIP') === (b.type ?? 'ClusterIP') &&
    ours.length === theirs.length &&
    (a.healthCheckNodePort ?? 0) === (b.healthCheckNodePort ?? 0) &&
    nodePorts(host) === nodePorts(virtual)
  );
}

function nodePorts(service: Service): string {
  return (service.spec?.ports ?? [])
    .map((port) => `${port.protocol ?? 'TCP'}/${port.port}=${port.nodePort ?? 0}`)
    .join();
}
