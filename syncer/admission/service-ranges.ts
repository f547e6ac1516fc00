import { setTimeout as delay } from 'node:timers/promises';
import {
  ADDRESS_BITS,
  addressFamily,
  addressGroups,
  addressToBits,
  bitsToAddress,
  type Cidr,
  cidrContains,
  familyOf,
  parseCidr,
} from '../configuration';
import type { Logger } from '../engine';
import { ApiError, type AnyObject, type KubeClient, resources } from '../kube-client';

/** How long to wait for the virtual cluster's controller to declare a range ready. */
const READY_WAIT_MS = 3_000;
const READY_POLL_MS = 100;
/** Bits that a range added here leaves free: 256 addresses. */
const RANGE_BITS = 8n;

/**
 * Keeps the virtual cluster's Service ranges wide enough: the host may hand out addresses of ranges that were added
 * after the virtual cluster was made.
 */
export class ServiceRanges {
  readonly #client: KubeClient;
  readonly #logger: Logger;
  readonly #known: Cidr[];

  /**
   * @param ranges the ranges that the virtual API server was started with
   * @throws Error naming a range that is not one
   */
  constructor(client: KubeClient, ranges: readonly string[], logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    this.#known = ranges.map(cidr);
  }

  /**
   * Makes the virtual API server accept these cluster IPs; one ServiceCIDR object is made for each that is in no
   * known range. Idempotent.
   *
   * @throws ApiError when the virtual API server refuses, the signal's reason when time is up
   */
  async include(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    for (const address of addresses) {
      if (this.#known.some((range) => cidrContains(range, address))) continue;
      const range = rangeAround(address);
      if (range === undefined) continue; // "None"
      await this.#add(range, signal);
      this.#known.push(cidr(range));
    }
  }

  async #add(range: string, signal: AbortSignal): Promise<void> {
    const name = rangeName(range);
    const object: AnyObject = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name },
      spec: { cidrs: [range] },
    };
    try {
      await this.#client.create(resources.serviceCIDRs, object, { signal });
      this.#logger.info(
        { range, serviceCIDR: name },
        'the host uses a Service range that is new to the virtual cluster',
      );
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
    // A poll of at most three seconds, once in a range's life: a watch would cost more than it saves.
    for (const until = Date.now() + READY_WAIT_MS; Date.now() < until;) {
      if (isReady(await this.#client.get<AnyObject>(resources.serviceCIDRs, { name, signal }))) break;
      await delay(READY_POLL_MS, undefined, { signal });
    }
    // The API server's allocator learns of the condition by its own watch.
    await delay(READY_POLL_MS, undefined, { signal });
  }
}

/**
 * The range to add for an address: its /24, or its /120 for IPv6.
 *
 * @returns undefined for what is no address
 */
export function rangeAround(address: string): string | undefined {
  const family = addressFamily(address);
  if (family === undefined) return undefined;
  const network = (addressToBits(address) >> RANGE_BITS) << RANGE_BITS;
  return `${bitsToAddress(network, family)}/${ADDRESS_BITS[family] - Number(RANGE_BITS)}`;
}

/** The object name that belongs to a range: `10.97.3.0/24` → `nestling-10-97-3-0-24`; IPv6 in full, without colons. */
export function rangeName(range: string): string {
  const [address = '', length = ''] = range.split('/');
  const groups = addressGroups(addressToBits(address), familyOf(address));
  return `nestling-${groups.join('-')}-${length}`;
}

function cidr(text: string): Cidr {
  const range = parseCidr(text);
  if (typeof range === 'string') throw new Error(`service range ${JSON.stringify(text)} ${range}`);
  return range;
}

function isReady(object: AnyObject): boolean {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: { type?: string; status?: string }[] };
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
