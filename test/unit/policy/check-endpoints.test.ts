import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { parseCidr, type Cidr } from '../../../syncer/configuration';
import { checkEndpoints, type EndpointFacts, type EndpointVerdict, type PolicyLevel } from '../../../syncer/policy';

const range = (text: string): Cidr => {
  const cidr = parseCidr(text);
  if (typeof cidr === 'string') throw new Error(cidr);
  return cidr;
};
const OWN = new Set(['10.244.0.7', 'fd00::7']);
const facts: EndpointFacts = { isOwnPod: (address) => OWN.has(address), allowedRanges: [] };

const slice = (...addresses: string[][]): EndpointSlice => ({
  addressType: addresses[0]?.[0]?.includes(':') ? 'IPv6' : 'IPv4',
  endpoints: addresses.map((list) => ({ addresses: list })),
});
const check = (level: PolicyLevel, addresses: string[][], more: Partial<EndpointFacts> = {}): EndpointVerdict =>
  checkEndpoints(slice(...addresses), level, { ...facts, ...more });
const allowed = ({ allowed }: EndpointVerdict): string[] => allowed.flatMap(({ addresses }) => addresses);

describe.each(['baseline', 'restricted'] as const)('at %s', (level) => {
  test('addresses of own pods are allowed, in any spelling', () => {
    expect(check(level, [['10.244.0.7']]).violations).toEqual([]);
    expect(check(level, [['fd00:0:0::0007']]).violations).toEqual([]);
  });

  test.each(['10.96.0.1', '10.244.0.8', '192.0.2.10', 'fd00::8', '8.8.8.8'])(
    'the address %s of nobody’s own pod is refused, with the setting that may allow it',
    (address) => {
      const verdict = check(level, [[address]]);
      expect(verdict.allowed).toEqual([]);
      expect(verdict.violations).toEqual([
        expect.objectContaining({ rule: 'endpointAddresses', level: 'baseline', field: 'endpoints' }),
      ]);
      expect(verdict.violations[0]?.message).toContain(`endpoints have ${address}: `);
      expect(verdict.violations[0]?.message).toContain('sync.toHost.endpointSlices.allowedRanges');
    },
  );

  test('a range that the platform allows is, and no more', () => {
    const allowedRanges = [range('203.0.113.0/28'), range('2001:db8::/64')];
    const verdict = check(level, [['203.0.113.5'], ['203.0.113.16'], ['2001:db8::1']], { allowedRanges });
    expect(allowed(verdict)).toEqual(['203.0.113.5', '2001:db8::1']);
    expect(verdict.violations).toHaveLength(1);
    expect(verdict.violations[0]?.message).toContain('endpoints have 203.0.113.16: ');
  });

  test('an endpoint with one address that is refused does not go, and the others do', () => {
    const verdict = check(level, [['10.244.0.7', '10.244.0.9'], ['10.244.0.7'], ['10.244.0.8']]);
    expect(verdict.allowed).toEqual([{ addresses: ['10.244.0.7'] }]);
    expect(verdict.violations[0]?.message).toContain('endpoints have 10.244.0.9, 10.244.0.8: ');
  });

  test('names are refused, as they may lead anywhere', () => {
    const verdict = checkEndpoints({ addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] }, level, facts);
    expect(verdict).toMatchObject({ allowed: [], violations: [{ rule: 'endpointNames', field: 'addressType' }] });
  });
});

describe.each(['privileged', 'baseline', 'restricted'] as const)('at %s', (level) => {
  test.each([
    ['127.0.0.1'],
    ['169.254.169.254'],
    ['0.0.0.0'],
    ['224.0.0.1'],
    ['::1'],
    ['fe80::1'],
    ['ff02::1'],
    ['::ffff:169.254.169.254'],
    ['::ffff:a9fe:a9fe'],
    ['fe80::1%eth0'],
    ['010.244.0.7'],
    ['localhost'],
  ])('%s is refused, even in a range that is allowed', (address) => {
    const allowedRanges = [range('0.0.0.0/0'), range('::/0')];
    const verdict = check(level, [[address]], { allowedRanges, isOwnPod: () => true });
    expect(verdict).toMatchObject({ allowed: [], violations: [{ level: 'privileged' }] });
    expect(verdict.violations[0]?.message).toContain(`endpoints have ${address}: `);
  });

  test('a slice without endpoints is allowed', () => {
    expect(checkEndpoints(slice(), level, facts)).toEqual({ allowed: [], violations: [] });
  });
});

test('at privileged all other addresses and names are allowed', () => {
  expect(check('privileged', [['10.96.0.1'], ['192.0.2.10']]).violations).toEqual([]);
  const names = { addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] };
  expect(checkEndpoints(names, 'privileged', facts)).toEqual({ allowed: names.endpoints, violations: [] });
});

test('of many addresses the first are named and the others counted', () => {
  const addresses = Array.from({ length: 1000 }, (_, index) => [`10.1.${index >> 8}.${index & 255}`]);
  const { violations } = check('baseline', addresses);
  expect(violations).toHaveLength(1);
  expect(violations[0]?.message).toMatch(/^endpoints have 10\.1\.0\.0, .*, 10\.1\.0\.9 and 990 more: /);
});
