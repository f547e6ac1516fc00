import { ADDRESS_BITS, addressFamily, addressToBits, bitsToAddress, type IPFamily } from './address';

/** An address range, checked. */
export interface Cidr {
  /** The range's first address, as written. */
  readonly address: string;
  /** Length of the prefix in bits. */
  readonly prefix: number;
  readonly family: IPFamily;
}

/**
 * Reads an address range such as `10.96.0.0/12` or `fd00:10:96::/112`.
 *
 * @returns the range, or a sentence that says what is wrong and what to write instead
 */
export function parseCidr(text: string): Cidr | string {
  const slash = text.indexOf('/');
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  const family = addressFamily(address);
  if (slash < 0 || family === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) {
    return 'is not an address range: write an address, a slash and a prefix length, such as 10.96.0.0/16 or fd00:10:96::/112';
  }
  const bits = ADDRESS_BITS[family];
  const prefix = Number(length);
  if (prefix > bits) return `has a prefix of ${prefix} bits: an ${family} range has at most ${bits}`;
  const free = BigInt(bits - prefix);
  if ((addressToBits(address) >> free) << free !== addressToBits(address)) {
    return `has bits set after its first ${prefix}: write the first address of the range`;
  }
  return { address, prefix, family };
}

/**
 * Reads an address range as the older fields of the Kubernetes API take it: bits after the prefix do not count, and the
 * numbers of an IPv4 address may begin with zeros (`ParseCIDRSloppy` of k8s.io/utils/net).
 *
 * @returns the range with its first address, or a sentence that says what is wrong and what to write instead
 */
export function parseNetwork(text: string): Cidr | string {
  const slash = text.indexOf('/');
  const written = text.slice(0, slash < 0 ? undefined : slash);
  const address = /^[\d.]+$/.test(written) ? written.replace(/(^|\.)0+(?=\d)/g, '$1') : written;
  const prefix = text.slice(written.length + 1);
  const family = addressFamily(address);
  // What that refuses and this does not is put right by now: the rest is refused with its sentence.
  if (slash < 0 || family === undefined || !/^(0|[1-9]\d{0,2})$/.test(prefix)) return parseCidr(text);
  const free = BigInt(ADDRESS_BITS[family]) - BigInt(prefix);
  if (free < 0n) return parseCidr(text);
  return {
    address: bitsToAddress((addressToBits(address) >> free) << free, family),
    prefix: Number(prefix),
    family,
  };
}

/**
 * Whether an address lies in a range.
 *
 * @param address an IPv4 or IPv6 address; anything else is in no range
 */
export function cidrContains(range: Cidr, address: string): boolean {
  if (addressFamily(address) !== range.family) return false;
  const free = BigInt(ADDRESS_BITS[range.family] - range.prefix);
  return addressToBits(address) >> free === addressToBits(range.address) >> free;
}

/** Whether all addresses of a range lie in another, which may be the same. */
export function cidrCovers(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && cidrContains(outer, inner.address);
}

/** The addresses that two ranges share: one of the two, or undefined when they share none. */
export function cidrIntersection(one: Cidr, other: Cidr): Cidr | undefined {
  if (cidrCovers(one, other)) return other;
  return cidrCovers(other, one) ? one : undefined;
}

/** The range as text: `10.96.0.0/12`. */
export function formatCidr({ address, prefix }: Cidr): string {
  return `${address}/${prefix}`;
}

/** What is wrong with a range of addresses: a sentence with the remedy, or undefined for a good range. */
export function rangeProblem(text: string): string | undefined {
  const range = parseCidr(text);
  return typeof range === 'string' ? range : undefined;
}

/** Least bits that a range of Service addresses leaves free: kube-apiserver wants eight addresses. */
const MIN_SERVICE_BITS = 3;

/**
 * What is wrong with a range of Service addresses.
 *
 * @returns a sentence with the remedy, or undefined for a good range
 */
export function serviceRangeProblem(text: string): string | undefined {
  const range = parseCidr(text);
  if (typeof range === 'string') return range;
  const longest = ADDRESS_BITS[range.family] - MIN_SERVICE_BITS;
  return range.prefix <= longest
    ? undefined
    : `has fewer than eight addresses: give the range of the host, with a prefix of at most ${longest}`;
}
