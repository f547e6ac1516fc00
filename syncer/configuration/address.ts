import { isIP, isIPv4 } from 'node:net';

/** Address families as Kubernetes names them. */
export type IPFamily = 'IPv4' | 'IPv6';

/** Bits of an address of the family. */
export const ADDRESS_BITS = { IPv4: 32, IPv6: 128 } as const satisfies Record<IPFamily, number>;

/** Family of an address; undefined for what is no address, or has a zone (`fe80::1%eth0`). */
export function addressFamily(text: string): IPFamily | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  return isIPv4(text) ? 'IPv4' : 'IPv6';
}

/** Family of an address. @throws TypeError for what is no address, or has a zone */
export function familyOf(address: string): IPFamily {
  const family = addressFamily(address);
  if (family === undefined) {
    throw new TypeError(`"${address}" is no IP address: give an IPv4 or IPv6 address without zone`);
  }
  return family;
}

/** An address as a number of 32 or 128 bits. @throws TypeError for what is no address, or has a zone */
export function addressToBits(address: string): bigint {
  if (familyOf(address) === 'IPv4') return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  const [head = '', tail] = shortest(address).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** A number as an address, in the shortest spelling (RFC 5952). */
export function bitsToAddress(bits: bigint, family: IPFamily): string {
  const groups = addressGroups(bits, family);
  return family === 'IPv4' ? groups.join('.') : shortest(groups.join(':'));
}

/** The groups of an address: four decimal ones, or eight hexadecimal ones. */
export function addressGroups(bits: bigint, family: IPFamily): string[] {
  return family === 'IPv4'
    ? [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn))
    : Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
}

/** `URL` brings every spelling of IPv6 (an embedded IPv4 address too) into the shortest one of hex digits. */
function shortest(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
