import { rangeAround, rangeName } from '../../../syncer/admission/service-ranges';

test.each([
  ['10.97.3.200', '10.97.3.0/24', 'nestling-10-97-3-0-24'],
  ['fd00:10:96::a1b2', 'fd00:10:96::a100/120', 'nestling-fd00-10-96-0-0-0-0-a100-120'],
  ['fd00:10:96::5', 'fd00:10:96::/120', 'nestling-fd00-10-96-0-0-0-0-0-120'],
  ['::1', '::/120', 'nestling-0-0-0-0-0-0-0-0-120'],
])('%s lies in %s', (address, range, name) => {
  expect(rangeAround(address)).toBe(range);
  expect(rangeName(range)).toBe(name);
});

test('what is no address has no range', () => {
  expect(['None', '', '10.0.0', 'fe80::1%eth0'].map(rangeAround)).toEqual([undefined, undefined, undefined, undefined]);
});
