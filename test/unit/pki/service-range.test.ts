import { BlockList } from 'node:net';
import fc from 'fast-check';
import { ApiError } from '../../../syncer/kube-client';
import { addressToBits, bitsToAddress, familyOf, type IPFamily } from '../../../syncer/configuration';
import { rangesHold, readRefusal } from '../../../syncer/pki/service-range';
import { type AskHost, searchServiceRange } from '../../../syncer/pki/service-range-search';

/** A host with these ranges that answers as its allocators do. */
function host(ranges: readonly string[], says: 'nothing' | 'its range'): { ask: AskHost; questions: string[] } {
  const questions: string[] = [];
  const lists = ranges.map((range) => {
    const [address = '', prefix = ''] = range.split('/');
    const list = new BlockList();
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    list.addSubnet(address, Number(prefix), family);
    const all = (1n << BigInt((family === 'ipv4' ? 32 : 128) - Number(prefix))) - 1n;
    const first = addressToBits(address);
    return { range, family: familyOf(address), first, last: first + all, check: (a: string) => list.check(a, family) };
  });
  let turn = 0;
  const ask: AskHost = (address) => {
    questions.push(address);
    const own = lists.filter(({ family }) => family === familyOf(address));
    const bits = addressToBits(address);
    if (says === 'its range') {
      const picked = own[turn++ % own.length]!;
      const inside = picked.check(address) && bits !== picked.first && bits !== picked.last;
      return Promise.resolve(inside ? { kind: 'inside' } : { kind: 'range', cidr: picked.range });
    }
    const holding = own.find((list) => list.check(address));
    if (holding && (bits === holding.first || bits === holding.last)) {
      throw new Error(`asked for an end of ${holding.range}`);
    }
    return Promise.resolve({ kind: holding ? 'inside' : 'outside' });
  };
  return { ask, questions };
}

/** A range of a family, and an address in it that a Service may have. */
function rangeAndAddress(family: IPFamily, shortest: number, longest: number) {
  const bits = family === 'IPv4' ? 32 : 128;
  return fc
    .tuple(
      fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }),
      fc.integer({ min: shortest, max: longest }),
      fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    )
    .map(([seed, prefix, offset]) => {
      const size = 1n << BigInt(bits - prefix);
      const first = (seed / size) * size;
      return {
        range: `${bitsToAddress(first, family)}/${prefix}`,
        known: bitsToAddress(first + 1n + (offset % (size - 2n)), family),
      };
    });
}

describe('searching the range around an address', () => {
  test.each([
    ['10.96.0.0/12', '10.96.0.1'],
    ['10.43.0.0/16', '10.43.250.9'],
    ['172.20.16.0/20', '172.20.31.254'],
    ['192.168.7.0/24', '192.168.7.100'],
    ['10.0.0.8/29', '10.0.0.14'],
    ['fd00:10:96::/108', 'fd00:10:96::a:1'],
    ['fd00:10:96::/112', 'fd00:10:96::1'],
    ['fd00:1:2:3::/64', 'fd00:1:2:3:4:5:6:7'],
  ])('%s around %s', async (range, known) => {
    const silent = host([range], 'nothing');
    await expect(searchServiceRange(known, silent.ask)).resolves.toBe(range);
    expect(silent.questions.length).toBeLessThanOrEqual(range.includes(':') ? 8 : 6);
    const telling = host([range], 'its range');
    await expect(searchServiceRange(known, telling.ask)).resolves.toBe(range);
    expect(telling.questions).toHaveLength(1);
  });

  test('every IPv4 range, asking for no address that hosts never give away', async () => {
    await fc.assert(
      fc.asyncProperty(rangeAndAddress('IPv4', 8, 29), async ({ range, known }) => {
        const { ask, questions } = host([range], 'nothing');
        expect(await searchServiceRange(known, ask)).toBe(range);
        expect(questions.length).toBeLessThanOrEqual(6);
      }),
    );
  });

  test('every IPv6 range', async () => {
    await fc.assert(
      fc.asyncProperty(rangeAndAddress('IPv6', 64, 125), async ({ range, known }) => {
        const { ask, questions } = host([range], 'nothing');
        expect(await searchServiceRange(known, ask)).toBe(range);
        expect(questions.length).toBeLessThanOrEqual(8);
      }),
    );
  });

  test('a host with several ranges names the right one in the end', async () => {
    const { ask } = host(['10.112.0.0/16', '10.104.0.0/16', '10.96.0.0/16'], 'its range');
    await expect(searchServiceRange('10.96.3.4', ask)).resolves.toBe('10.96.0.0/16');
  });

  test('a host that names only ranges of others is an error with the remedy', async () => {
    const { ask } = host(['10.112.0.0/16', '10.104.0.0/16'], 'its range');
    await expect(searchServiceRange('10.96.3.4', ask)).rejects.toThrow(
      "the host's range of Service addresses cannot be found: the host names 10.112.0.0/16 and 10.104.0.0/16, which do not " +
        'hold 10.96.3.4; set network.serviceCIDRs',
    );
  });
});

describe('what a refusal says', () => {
  const invalid = (what: string) =>
    new ApiError({
      status: 422,
      reason: 'Invalid',
      message: `Service "x" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: ${what}`,
    });
  test.each([
    [
      'the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
      { kind: 'range', cidr: '10.96.0.0/12' },
    ],
    [
      'provided IP is not in the valid range. The range of valid IPs is fd00:10::/108',
      { kind: 'range', cidr: 'fd00:10::/108' },
    ],
    ['provided IP is already allocated', { kind: 'inside' }],
    ['the provided network does not match the current range', { kind: 'outside' }],
    ['something new', undefined],
  ])('%s', (message, answer) => {
    expect(readRefusal(invalid(message))).toEqual(answer);
  });

  test('a quota says nothing', () => {
    const message =
      'services "x" is forbidden: exceeded quota: q, requested: services=1, used: services=5, limited: services=5';
    expect(readRefusal(new ApiError({ status: 403, reason: 'Forbidden', message }))).toBeUndefined();
  });
});

test('rangesHold', () => {
  expect(rangesHold(['10.96.0.0/16', 'fd00::/108'], '10.96.3.4')).toBe(true);
  expect(rangesHold(['10.96.0.0/16', 'fd00::/108'], 'fd00::7')).toBe(true);
  expect(rangesHold(['10.96.0.0/16'], 'fd00::7')).toBe(false);
  expect(rangesHold(['nonsense', ''], '10.96.3.4')).toBe(false);
});

test('addresses and their bits', () => {
  const there = (address: string, family: IPFamily) => bitsToAddress(addressToBits(address), family);
  fc.assert(fc.property(fc.ipV4(), (address) => there(address, 'IPv4') === address));
  fc.assert(fc.property(fc.ipV6(), (address) => addressToBits(there(address, 'IPv6')) === addressToBits(address)));
  expect(there('FD00:0:0::0:1', 'IPv6')).toBe('fd00::1');
  expect(() => addressToBits('fe80::1%eth0')).toThrow('"fe80::1%eth0" is no IP address');
});
