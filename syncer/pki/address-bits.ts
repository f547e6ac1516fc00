import { isIP, isIPv4 } from 'node:net';

/** Address families as Kubernetes names them. */
export type IPFamily = 'IPv4' | 'IPv6';

/** Bits of an address of the family. */
export const ADDRESS_BITS = { IPv4: 32, IPv6: 128 } as const satisfies Record<IPFamily, number>;

/** Family of an address. @throws TypeError for what is no address, or has a zone */
export function familyOf(address: string): IPFamily {
  if (isIP(address) === 0 || address.includes('%')) {
    throw new TypeError(`"${address}" is no IP address: give an IPv4 or IPv6 address without zone`);
  }
  return isIPv4(address) ? 'IPv4' : 'IPv6';
}

/** An address as a number of 32 or 128 bits. @throws TypeError for what is no address */
export function addressToBits(address: string): bigint {
  if (familyOf(address) === 'IPv4') return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  // `URL` brings every spelling (an embedded IPv4 address too) into groups of hex digits.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** A number as an address, in the shortest spelling. */
export function bitsToAddress(bits: bigint, family: IPFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** An address as 4 or 16 bytes. @throws TypeError for what is no address */
export function addressBytes(address: string): Buffer {
  const length = ADDRESS_BITS[familyOf(address)] / 8;
  return Buffer.from(
    addressToBits(address)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  );
}
