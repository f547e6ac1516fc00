import { BlockList, isIPv4 } from 'node:net';
import { addressFamily, addressToBits, bitsToAddress } from '../configuration';

/**
 * The one text by which the gate knows an IP address: IPv4 in dotted decimal, IPv6 as in RFC 5952 (lower case, longest
 * run of zeros shortened), an IPv4-mapped IPv6 address as the IPv4 address that it stands for.
 *
 * @returns undefined for anything else, such as host names, zone indexes (`fe80::1%eth0`), and the octal, hexadecimal or
 * shortened forms that some resolvers take for IPv4
 */
export function canonicalAddress(text: string): string | undefined {
  const family = addressFamily(text);
  if (family !== 'IPv6') return family && text;
  const bits = addressToBits(text);
  return bits >> 32n === 0xffffn ? bitsToAddress(bits & 0xffff_ffffn, 'IPv4') : bitsToAddress(bits, 'IPv6');
}

const local = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const) {
  local.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  local.addSubnet(network, prefix, 'ipv6');
}

/**
 * Whether a canonical address can never belong to a tenant: unspecified, loopback, link-local (where cloud metadata
 * lives), multicast or broadcast. Checked before any fact is asked, so that a wrong fact cannot open them.
 */
export function isNeverTenant(address: string): boolean {
  return local.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
