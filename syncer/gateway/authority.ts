import { canonicalAddress } from '../policy';

/** What a CONNECT request names: an address or a host name, with a port. */
export type Authority =
  { readonly address: string; readonly port: number } | { readonly name: string; readonly port: number };

/** Longest authority that is read: a host name of 253 characters, brackets, colon and port fit. */
const LONGEST = 300;

/**
 * Reads `HOST:PORT` or `[IPv6]:PORT` strictly. Addresses come back canonical (canonicalAddress), names in lower case
 * without the dot that ends an absolute name.
 *
 * @returns the reason as a string where it is neither: number forms of IPv4 (`2130706433`, `0x7f.1`, `0177.0.0.1`,
 * `127.1`) are refused rather than guessed at, since readers disagree on what they mean
 */
export function parseAuthority(text: string): Authority | string {
  if (text.length > LONGEST) return `is longer than ${LONGEST} characters`;
  const match = /^(?:\[([^[\]]+)\]|([^[\]:]+)):([^:]*)$/.exec(text);
  if (match === null) return 'is not HOST:PORT or [IPV6]:PORT';
  const port = /^[1-9][0-9]{0,4}$/.test(match[3] ?? '') ? Number(match[3]) : 0;
  if (port < 1 || port > 65535) return 'has no port from 1 to 65535';

  const bracketed = match[1];
  if (bracketed !== undefined) {
    const address = bracketed.includes(':') ? canonicalAddress(bracketed) : undefined;
    return address === undefined ? 'has no IPv6 address in its brackets' : { address, port };
  }
  const host = match[2] ?? '';
  const address = canonicalAddress(host);
  if (address !== undefined) return { address, port };
  return parseName(host, port);
}

function parseName(host: string, port: number): Authority | string {
  const name = (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
  const labels = name.split('.');
  if (name.length > 253 || !labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    return 'is neither an IP address nor a host name';
  }
  // As the WHATWG URL standard has it: what ends in a number is meant as an IPv4 address, never as a name.
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) {
    return 'is a number form of an IPv4 address; write four decimal numbers';
  }
  return { name, port };
}
