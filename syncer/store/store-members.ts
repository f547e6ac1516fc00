import type { Secret } from 'kubernetes-types/core/v1';
import { type Clock, delay, type Logger, ObjectStream, Reflector, systemClock } from '../engine';
import { type KubeClient, resources } from '../kube-client';
import { type EtcdClient, EtcdError, type EtcdMember } from './etcd-client';
import {
  memberOrdinals,
  type Membership,
  membershipOf,
  SecondStoreError,
  sentAwayData,
  ticketData,
} from './membership';

/** Milliseconds until a member that has not got everything yet is looked at again. */
const CATCHING_UP_MS = 500;
/** Milliseconds after something failed: etcd refuses changes while a member was not connected for five seconds. */
const RETRY_MS = 1_000;

/** What the store's members are kept by. */
export interface StoreMembersOptions {
  readonly etcd: Pick<EtcdClient, 'members' | 'addLearner' | 'promote' | 'removeMember' | 'moveMember'>;
  /** Client of the host. */
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  /** Host namespace. */
  readonly namespace: string;
  /** Secret NAME-certs. */
  readonly secretName: string;
  /** Where the member of a pod is found. */
  readonly peerURL: (ordinal: number) => string;
  readonly logger: Logger;
  /** @default the system's clock */
  readonly clock?: Clock;
}

/**
 * Who belongs to the store: lets members in that ask, makes them full members once they have everything, and sends those away that
 * are not wanted. One step at a time, each of which leaves a store that a majority can go on with.
 */
export class StoreMembers {
  readonly #options: StoreMembersOptions;
  readonly #clock: Clock;
  #membership: Membership = { tickets: new Map(), requests: new Map() };
  #wake: (() => void) | undefined;
  #changed = false;

  constructor(options: StoreMembersOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Keeps them until the signal aborts; to be run by one syncer at a time. Sleeps while nobody asks. */
  async run(client: KubeClient, signal: AbortSignal): Promise<void> {
    const { logger, namespace, secretName } = this.#options;
    const reflector = new Reflector<Secret>({
      client,
      type: resources.secrets,
      cache: new ObjectStream<Secret>('host/own-certificates', (secret) => this.#take(secret)),
      namespace,
      fieldSelector: `metadata.name=${secretName}`,
      logger,
    });
    await Promise.all([reflector.run(signal), this.#keep(signal)]);
  }

  async #keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let wait: number | undefined;
      this.#changed = false;
      try {
        wait = await this.step(this.#membership, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.warn({ err: error }, 'the members of the store cannot be changed yet; trying again');
        wait = RETRY_MS;
      }
      if (this.#changed || wait === 0) continue;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      // For ever, where there is nothing to do: the watch wakes it.
      const pause = delay(this.#clock, wait ?? 2 ** 31 - 1, AbortSignal.any([signal, woken.signal]));
      await pause.catch(() => undefined);
      this.#wake = undefined;
    }
  }

  #take(secret: Secret): void {
    this.#membership = membershipOf(secret.data);
    this.#changed = true;
    this.#wake?.();
  }

  /**
   * One step towards members that are as they should be.
   *
   * @returns the milliseconds after which to go on; undefined when nothing is left to do
   * @throws EtcdError when etcd refuses, ApiError when the host does, SecondStoreError when none of the recorded members ever was in it
   */
  async step(membership: Membership, signal?: AbortSignal): Promise<number | undefined> {
    const { tickets, requests } = membership;
    const { etcd, logger } = this.#options;
    const members = await etcd.members(signal);
    const byOrdinal = this.#byOrdinal(members);
    if (byOrdinal.size === 0) mustHaveNoOthers(membership);
    for (const [ordinal, ticket] of tickets) {
      if (ticket === null || byOrdinal.has(ordinal)) continue;
      const asksAnew = requests.has(ordinal) && requests.get(ordinal) !== ticket;
      await this.#record(asksAnew ? ticketData(ordinal, null) : sentAwayData(ordinal), signal);
      return 0;
    }
    // The first member of a store that had one was known to itself only.
    const [only] = members;
    if (members.length === 1 && only && !byOrdinal.has(0)) {
      await etcd.moveMember(only.id, this.#options.peerURL(0), signal);
      logger.info({ member: 0 }, 'the store’s first member can be found by others now');
      return 0;
    }
    for (const [ordinal, ticket] of [...requests].sort(([one], [other]) => one - other)) {
      if (tickets.get(ordinal) === ticket) continue;
      const former = byOrdinal.get(ordinal);
      if (former) {
        await etcd.removeMember(former.id, signal);
        await this.#record(ticketData(ordinal, null), signal);
        logger.info({ member: ordinal, id: former.id }, 'a member of the store that lost its data was sent away');
        return 0;
      }
      // etcd takes one learner at a time.
      if (members.some(({ isLearner }) => isLearner)) continue;
      const id = await etcd.addLearner(this.#options.peerURL(ordinal), signal);
      await this.#record(ticketData(ordinal, ticket), signal);
      logger.info({ member: ordinal, id }, 'a member was let into the store');
      return 0;
    }
    const learner = members.find(({ isLearner }) => isLearner);
    if (learner === undefined) return undefined;
    try {
      await etcd.promote(learner.id, signal);
    } catch (error) {
      if (error instanceof EtcdError && /in sync|not ready/.test(error.message)) return CATCHING_UP_MS;
      throw error;
    }
    logger.info({ id: learner.id, name: learner.name }, 'a member of the store has everything and counts now');
    return 0;
  }

  /**
   * Sends those away that are not wanted any more, dead ones first, as each of them counts in a majority; the member of `own` last.
   *
   * @throws EtcdError when etcd refuses, as there would be no majority, or is gone itself
   */
  async sendAway(wanted: number, own: number, signal?: AbortSignal): Promise<void> {
    const { etcd, logger } = this.#options;
    const unwanted = [...this.#byOrdinal(await etcd.members(signal))]
      .filter(([ordinal]) => ordinal >= wanted)
      .sort(([one], [other]) => Number(one === own) - Number(other === own));
    let refusal: unknown;
    for (const [ordinal, { id }] of unwanted) {
      try {
        await etcd.removeMember(id, signal);
        logger.info({ member: ordinal, id }, 'a member of the store that is not wanted any more was sent away');
        await this.#record(sentAwayData(ordinal), signal);
      } catch (error) {
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal as Error;
  }

  /**
   * With the first member: records those as gone that are not in the store.
   *
   * @returns the ordinals of members that are in it, other than the first
   * @throws SecondStoreError, with nothing recorded, when this is not the store that the recorded members are in
   */
  async settle(signal?: AbortSignal): Promise<readonly number[]> {
    const { client, etcd, namespace, secretName } = this.#options;
    const secret = await client.get<Secret>(resources.secrets, { namespace, name: secretName, signal });
    const membership = membershipOf(secret.data);
    const byOrdinal = this.#byOrdinal(await etcd.members(signal));
    // A first member that others ever could find is still found there.
    if (!byOrdinal.has(0)) mustHaveNoOthers(membership);
    for (const [ordinal, ticket] of membership.tickets) {
      if (ticket !== null && !byOrdinal.has(ordinal)) await this.#record(sentAwayData(ordinal), signal);
    }
    return [...byOrdinal.keys()].filter((ordinal) => ordinal !== 0);
  }

  #byOrdinal(members: readonly EtcdMember[]): Map<number, EtcdMember> {
    const found = new Map<number, EtcdMember>();
    // No more than there ever were.
    for (let ordinal = 0; ordinal < 3; ordinal++) {
      const url = this.#options.peerURL(ordinal);
      const member = members.find(({ peerURLs }) => peerURLs.includes(url));
      if (member) found.set(ordinal, member);
    }
    return found;
  }

  async #record(data: Record<string, string | null>, signal?: AbortSignal): Promise<void> {
    const { client, namespace, secretName } = this.#options;
    const secret = await client.patch<Secret>(
      resources.secrets,
      { namespace, name: secretName, type: 'merge', signal },
      { data },
    );
    this.#take(secret);
  }
}

function mustHaveNoOthers(membership: Membership): void {
  const others = memberOrdinals(membership).filter((ordinal) => ordinal !== 0);
  if (others.length > 0) throw new SecondStoreError(others, true);
}
