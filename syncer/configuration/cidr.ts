import { BlockList, isIP, isIPv4 } from 'node:net';

/** An address range, checked. */
export interface Cidr {
  /** The range's first address, as written. */
  readonly address: string;
  /** Length of the prefix in bits. */
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
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
  if (slash < 0 || isIP(address) === 0 || address.includes('%') || !/^(0|[1-9]\d{0,2})$/.test(length)) {
    return 'is not an address range: write an address, a slash and a prefix length, such as 10.96.0.0/16 or fd00:10:96::/112';
  }
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = Number(length);
  if (prefix > bits)
    return `has a prefix of ${prefix} bits: an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} range has at most ${bits}`;
  if (hasHostBits(address, prefix, family)) {
    return `has bits set after its first ${prefix}: write the first address of the range`;
  }
  return { address, prefix, family };
}

/**
 * Whether an address lies in a range.
 *
 * @param address an IPv4 or IPv6 address; anything else is in no range
 */
export function cidrContains(range: Cidr, address: string): boolean {
  const version = isIP(address);
  if (version === 0 || (version === 4) !== (range.family === 'ipv4')) return false;
  const list = new BlockList();
  list.addSubnet(range.address, range.prefix, range.family);
  return list.check(address, range.family);
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
  const longest = (range.family === 'ipv4' ? 32 : 128) - MIN_SERVICE_BITS;
  return range.prefix <= longest
    ? undefined
    : `has fewer than eight addresses: give the range of the host, with a prefix of at most ${longest}`;
}

function hasHostBits(address: string, prefix: number, family: Cidr['family']): boolean {
  return (addressBits(address, family) & ((1n << BigInt((family === 'ipv4' ? 32 : 128) - prefix)) - 1n)) !== 0n;
}

/** The address as a number; the caller has checked that it is an address. */
function addressBits(address: string, family: Cidr['family']): bigint {
  if (family === 'ipv4') return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  // `URL` brings every spelling of IPv6 (an embedded IPv4 address too) into groups of hex digits.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
