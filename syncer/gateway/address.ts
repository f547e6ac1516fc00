import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * The one text by which the gate knows an IP address: IPv4 in dotted decimal, IPv6 as in RFC 5952 (lower case, longest
 * run of zeros shortened), an IPv4-mapped IPv6 address as the IPv4 address that it stands for.
 *
 * @returns undefined for anything else, such as host names, zone indexes (`fe80::1%eth0`), and the octal, hexadecimal or
 * shortened forms that some resolvers take for IPv4
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const high = Number.parseInt(mapped[1] ?? '', 16);
  const low = Number.parseInt(mapped[2] ?? '', 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
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
