import fc from 'fast-check';
import {
  ADDRESS_BITS,
  bitsToAddress,
  cidrContains,
  cidrCovers,
  cidrIntersection,
  formatCidr,
  parseCidr,
  parseNetwork,
  type Cidr,
} from '../../../syncer/configuration';

const family = fc.constantFrom('IPv4' as const, 'IPv6' as const);
/** Addresses that often share a prefix, or two ranges would hardly ever meet. */
const address = family.chain((of) =>
  fc
    .tuple(fc.constantFrom(0n, 0xan, 0xfdn), fc.bigInt({ min: 0n, max: 0xffn }))
    .map(([first, last]) => ({ family: of, text: bitsToAddress((first << BigInt(ADDRESS_BITS[of] - 8)) | last, of) })),
);
const range = address.chain(({ family: of, text }) =>
  fc
    .oneof(
      fc.integer({ min: 0, max: ADDRESS_BITS[of] }),
      fc.integer({ min: ADDRESS_BITS[of] - 8, max: ADDRESS_BITS[of] }),
    )
    .map((prefix) => parseNetwork(`${text}/${prefix}`) as Cidr),
);

test('every address is in the intersection of two ranges just if it is in both', () => {
  fc.assert(
    fc.property(range, range, address, (one, other, { text }) => {
      const shared = cidrIntersection(one, other);
      const inside = shared !== undefined && cidrContains(shared, text);
      return inside === (cidrContains(one, text) && cidrContains(other, text));
    }),
    { numRuns: 2000 },
  );
});

test('a range covers another just if that is all they share', () => {
  fc.assert(
    fc.property(range, range, (one, other) => {
      const shared = cidrIntersection(one, other);
      return cidrCovers(one, other) === (shared !== undefined && formatCidr(shared) === formatCidr(other));
    }),
  );
});

test('a range that was read and written is the same', () => {
  fc.assert(fc.property(range, (one) => expect(parseCidr(formatCidr(one))).toEqual(one)));
});

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['010.001.0.0/16', '10.1.0.0/16'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['000.0.0.0/0', '0.0.0.0/0'],
  ['192.168.1.7/32', '192.168.1.7/32'],
  ['FD00::0001/64', 'fd00::/64'],
  ['::/0', '::/0'],
])('the network of %s is %s', (text, expected) => {
  expect(formatCidr(parseNetwork(text) as Cidr)).toBe(expected);
});

test.each([
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/',
  '10.0.0.0/08',
  'fd00::/129',
  '/8',
  '',
  '::1%eth0/64',
  'a/8',
])('%j is no network, with a sentence that says what to write', (text) => {
  expect(parseNetwork(text)).toMatch(/^(is|has) .*/);
});
