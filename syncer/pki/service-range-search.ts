import {
  ADDRESS_BITS,
  addressToBits,
  bitsToAddress,
  cidrContains,
  familyOf,
  type IPFamily,
  parseCidr,
} from '../configuration';

/** What the host says about one address as the ClusterIP of a Service. */
export type RangeAnswer =
  /** The address is in a range of the host, taken or free. */
  | { readonly kind: 'inside' }
  /** It is in none, and the host does not say what is. */
  | { readonly kind: 'outside' }
  /** The host named a range instead of taking the address. */
  | { readonly kind: 'range'; readonly cidr: string };

/** Asks the host about an address. */
export type AskHost = (address: string) => Promise<RangeAnswer>;

/** The host's range cannot be told. */
export class ServiceRangeError extends Error {
  override readonly name = 'ServiceRangeError';

  constructor(why: string, options?: ErrorOptions) {
    super(
      `the host's range of Service addresses cannot be found: ${why}; set network.serviceCIDRs to it (on the host: kubectl ` +
        `get servicecidr kubernetes, or the flag --service-cluster-ip-range of its API server)`,
      options,
    );
  }
}

/** Prefix lengths that a range may have; the API server wants eight addresses or more. */
const PREFIXES: Record<IPFamily, { shortest: number; longest: number }> = {
  IPv4: { shortest: 8, longest: 29 },
  IPv6: { shortest: 64, longest: 125 },
};

/** No IPv6 range of an API server before 1.34 is wider than this: it decides which half to search first. */
const USUAL_IPV6_PREFIX = 108;

/** A host with several ranges answers for one of them, picked at random each time. */
const ATTEMPTS = 12;

/**
 * Finds the range around an address that is known to be in it.
 *
 * The first question is about an address far away: hosts that name their range in the answer are done then. For the others
 * the prefix length is found by bisection: for a length p, the address whose bit p differs is in the range exactly if the
 * prefix has at most p bits. That is at most 5 questions more for IPv4 and 7 for IPv6.
 *
 * @param known an address inside, the ClusterIP of a Service
 * @returns the range in CIDR notation
 * @throws ServiceRangeError when the host's answers fit no range
 */
export async function searchServiceRange(known: string, ask: AskHost): Promise<string> {
  const family = familyOf(known);
  const first = await settled(known, differingAt(known, family, 0), ask);
  if (first.kind === 'range') return first.cidr;
  let { shortest, longest } = PREFIXES[family];
  let middle = family === 'IPv6' ? USUAL_IPV6_PREFIX - 1 : halfway(shortest, longest);
  while (shortest < longest) {
    const answer = await settled(known, differingAt(known, family, middle), ask);
    if (answer.kind === 'range') return answer.cidr;
    if (answer.kind === 'inside') longest = middle;
    else shortest = middle + 1;
    middle = halfway(shortest, longest);
  }
  const free = BigInt(ADDRESS_BITS[family] - longest);
  return `${bitsToAddress((addressToBits(known) >> free) << free, family)}/${longest}`;
}

/** Asks until the answer says something about the range around the known address. */
async function settled(known: string, address: string, ask: AskHost): Promise<RangeAnswer> {
  const others = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const answer = await ask(address);
    if (answer.kind !== 'range') return answer;
    const range = parseCidr(answer.cidr);
    if (typeof range === 'string') throw new ServiceRangeError(`the host names "${answer.cidr}", which ${range}`);
    if (cidrContains(range, known)) return answer;
    others.add(answer.cidr);
  }
  throw new ServiceRangeError(`the host names ${[...others].join(' and ')}, which do not hold ${known}`);
}

/**
 * The known address with the bit after the first `prefix` bits changed. Its last three bits are 010, so that it is neither the
 * first nor the last address of any range, which hosts never give away.
 */
function differingAt(known: string, family: IPFamily, prefix: number): string {
  const changed = addressToBits(known) ^ (1n << BigInt(ADDRESS_BITS[family] - 1 - prefix));
  return bitsToAddress((changed & ~7n) | 2n, family);
}

function halfway(low: number, high: number): number {
  return Math.floor((low + high) / 2);
}
