import type { Secret } from 'kubernetes-types/core/v1';

/** What the members of a store know of one another's volumes, in Secret NAME-certs: one key for each ordinal. */
const TICKET_PREFIX = 'store-member-';
const REQUEST_PREFIX = 'store-request-';
/** In place of a ticket: the member was sent away. */
const LEFT = 'left';

/**
 * Who belongs to the store, as recorded on the host.
 *
 * A member without its volume is not the member that it was: it must not go on with an empty one. So whoever begins with nothing asks with
 * a ticket, a random text; the active syncer, which reaches a member that is in the store, sends the former member of that pod away,
 * lets a new one in, and records its ticket. The ticket is on the volume, too, from before the first start. Members whose two tickets
 * are equal go on.
 */
export interface Membership {
  /** Tickets of the members that are in, by ordinal; null for one that was sent away. Absent: it never was let in. */
  readonly tickets: ReadonlyMap<number, string | null>;
  /** Tickets of those that ask, by ordinal; also of those that have long been let in. */
  readonly requests: ReadonlyMap<number, string>;
}

/** What Secret NAME-certs says. */
export function membershipOf(data: Secret['data'] = {}): Membership {
  const tickets = new Map<number, string | null>();
  const requests = new Map<number, string>();
  for (const [key, encoded] of Object.entries(data)) {
    const value = Buffer.from(encoded, 'base64').toString('utf8');
    const member = ordinalAfter(key, TICKET_PREFIX);
    if (member !== undefined) tickets.set(member, value === LEFT ? null : value);
    const request = ordinalAfter(key, REQUEST_PREFIX);
    if (request !== undefined) requests.set(request, value);
  }
  return { tickets, requests };
}

/** The data of a Secret that record a member; null: it is not in the store, be it that it asks. */
export function ticketData(ordinal: number, ticket: string | null): NonNullable<Secret['data']> {
  return { [`${TICKET_PREFIX}${ordinal}`]: Buffer.from(ticket ?? LEFT).toString('base64') };
}

/**
 * The data of a merge patch that record a member as sent away. What it has asked with is void: else it would be let in again with it, and go
 * on with the volume of the member that it was.
 */
export function sentAwayData(ordinal: number): Record<string, string | null> {
  return { ...ticketData(ordinal, null), [`${REQUEST_PREFIX}${ordinal}`]: null };
}

/** The ordinals of all members that are in the store. The first one of a store that had one member has no ticket. */
export function memberOrdinals({ tickets }: Membership): readonly number[] {
  const others = [...tickets].flatMap(([ordinal, ticket]) => (ordinal === 0 || ticket === null ? [] : [ordinal]));
  return [...(tickets.get(0) === null ? [] : [0]), ...others.sort((one, other) => one - other)];
}

/**
 * A store that is empty was founded, or would be, while other members have what the virtual cluster holds. Nothing may be derived from it:
 * neither that those members left, nor that objects on the host have no owner.
 */
export class SecondStoreError extends Error {
  override readonly name = 'SecondStoreError';

  /**
   * @param others ordinals of the members that are recorded
   * @param founded whether the empty store is there: its volume has to go before the first member can come back
   */
  constructor(others: readonly number[], founded: boolean) {
    const remedy = 'set replicas to 3 again, wait until three pods are ready, then set replicas to 1';
    super(
      `the volume of replica 0 does not have the data of this virtual cluster: a new, empty store ${founded ? 'runs' : 'would run'} beside ` +
        `${others.length === 1 ? 'member' : 'members'} ${others.join(' and ')}, on whose volumes the data is; nothing was changed. ` +
        (founded
          ? `Delete the claim of replica 0's volume together with the pod, and ${remedy}`
          : `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}`),
    );
  }
}

/** The data of a Secret by which a member asks to be let in. */
export function requestData(ordinal: number, ticket: string): NonNullable<Secret['data']> {
  return { [`${REQUEST_PREFIX}${ordinal}`]: Buffer.from(ticket).toString('base64') };
}

function ordinalAfter(key: string, prefix: string): number | undefined {
  const rest = key.slice(prefix.length);
  return key.startsWith(prefix) && /^\d{1,3}$/.test(rest) ? Number(rest) : undefined;
}

/** What a member finds on its volume. */
export interface VolumeState {
  readonly ordinal: number;
  /** Whether it has a log of etcd's. */
  readonly hasData: boolean;
  /** Undefined where it never was let in: nothing was there, or the store had one member. */
  readonly ticket: string | undefined;
}

/** How a member starts. */
export type MemberStart =
  /** It is the first one: there is no store yet. */
  | 'found'
  /** With what it has. */
  | 'continue'
  /** It must ask, and begin with nothing. */
  | 'ask';

/** How a member starts with what is on its volume. */
export function memberStart({ ordinal, hasData, ticket }: VolumeState, { tickets }: Membership): MemberStart {
  const recorded = tickets.get(ordinal);
  const others = [...tickets].some(([other, theirs]) => other !== ordinal && theirs !== null);
  if (ticket !== undefined) {
    if (recorded === ticket) return 'continue';
    // The record itself was lost, with the rest of the Secret: what is on volumes is true.
    return hasData && tickets.size === 0 ? 'continue' : 'ask';
  }
  if (ordinal !== 0) return 'ask';
  // Of one member, which had no ticket.
  if (hasData) return typeof recorded === 'string' ? 'ask' : 'continue';
  return others ? 'ask' : 'found';
}
