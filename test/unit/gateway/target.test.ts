import { canonicalAddress, type EgressFacts } from '../../../syncer/gateway';
import { parseAuthority } from '../../../syncer/gateway/authority';
import { decideTarget } from '../../../syncer/gateway/target';
import type { Refusal } from '../../../syncer/gateway/target';

const NODE = 'fd6e:6573:746c:696e:1:2:3:4';
const names: Readonly<Record<string, readonly string[]>> = {
  'webhook.example': ['10.244.1.7'],
  'dual.example': ['10.244.1.7', 'fd00:1::7'],
  'mixed.example': ['10.244.1.7', '127.0.0.1'],
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'node.example': [NODE],
  'nothing.example': [],
};
const facts: EgressFacts = {
  nodeByAddress: (address) => (address === NODE ? 'host-1' : undefined),
  isTenantPodIP: (address) => ['10.244.1.7', 'fd00:1::7'].includes(address),
  isTenantServiceIP: (address) => address === '10.96.3.3',
};
/** Facts that were led to believe anything. */
const credulous: EgressFacts = {
  nodeByAddress: () => undefined,
  isTenantPodIP: () => true,
  isTenantServiceIP: () => true,
};

const asked: string[] = [];
const decide = (target: string, by = facts) =>
  decideTarget(target, by, {
    admissionPort: 9443,
    signal: new AbortController().signal,
    resolve: (name) => {
      asked.push(name);
      const addresses = Object.hasOwn(names, name) ? names[name] : undefined;
      return addresses ? Promise.resolve(addresses) : Promise.reject(new Error('ENOTFOUND'));
    },
  });

test.each([
  ['127.0.0.1:9443', { kind: 'admission', addresses: ['127.0.0.1'], port: 9443 }],
  [`[${NODE}]:10250`, { kind: 'kubelet', address: NODE }],
  ['[FD6E:6573:746C:696E:0001:0002:0003:0004]:10250', { kind: 'kubelet', address: NODE }],
  ['10.244.1.7:8443', { kind: 'tenant', addresses: ['10.244.1.7'], port: 8443 }],
  ['10.244.1.7:1', { kind: 'tenant', addresses: ['10.244.1.7'], port: 1 }],
  ['10.244.1.7:65535', { kind: 'tenant', addresses: ['10.244.1.7'], port: 65535 }],
  ['[::ffff:10.244.1.7]:443', { kind: 'tenant', addresses: ['10.244.1.7'], port: 443 }],
  ['[fd00:1:0:0:0:0:0:7]:443', { kind: 'tenant', addresses: ['fd00:1::7'], port: 443 }],
  ['10.96.3.3:443', { kind: 'tenant', addresses: ['10.96.3.3'], port: 443 }],
  ['webhook.example:443', { kind: 'tenant', addresses: ['10.244.1.7'], port: 443 }],
  ['WebHook.Example.:443', { kind: 'tenant', addresses: ['10.244.1.7'], port: 443 }],
  ['dual.example:443', { kind: 'tenant', addresses: ['10.244.1.7', 'fd00:1::7'], port: 443 }],
])('%s is allowed', async (target, expected) => {
  expect(await decide(target)).toEqual(expected);
});

const malformed = [
  ...['', ':443', 'host', 'host:', '10.244.1.7', '10.244.1.7:', '10.244.1.7:0', '10.244.1.7:65536', '10.244.1.7:99999'],
  ...[
    '10.244.1.7:0443',
    '10.244.1.7:+443',
    '10.244.1.7:4e2',
    '10.244.1.7:0x1bb',
    '10.244.1.7:443:443',
    '10.244.1.7:-1',
  ],
  ...[
    '::1:443',
    '[::1]',
    '[::1]:',
    '[]:443',
    '[10.244.1.7]:443',
    '[webhook.example]:443',
    '[fe80::1%eth0]:443',
    '[::1]x:443',
  ],
  ...['0x7f.1:443', '0x7f000001:443', '2130706433:443', '0177.0.0.1:443', '127.1:443', '127.0.1:443', '010.0.0.1:443'],
  ...['127.0.0.1.:443', '10.244.1.7.:443', '1.2.3.4.5:443', '256.1.1.1:443', '0x:443', 'webhook.0x7f:443', 'a.1:443'],
  ...[
    'user@10.244.1.7:443',
    'http://10.244.1.7:443',
    '10.244.1.7/x:443',
    'a..example:443',
    '..:443',
    '.:443',
    '-a.example:443',
  ],
  ...[
    'wébhook.example:443',
    '１２７.0.0.1:443',
    'a b:443',
    'a%2eexample:443',
    `${'a'.repeat(64)}.example:443`,
    `${'a.'.repeat(140)}b:443`,
  ],
];
test.each(malformed)('%j is malformed and asks no resolver', async (target) => {
  asked.length = 0;
  await expect(decide(target)).rejects.toMatchObject({ name: 'Refusal', reason: 'malformed' });
  expect(asked).toEqual([]);
});

const forbidden = [
  ...[
    '169.254.169.254:80',
    '169.254.169.254:443',
    '127.0.0.1:2379',
    '127.0.0.1:6443',
    '127.0.0.1:8080',
    '127.0.0.1:443',
  ],
  ...[
    '127.0.0.2:9443',
    '[::1]:9443',
    '[::1]:6443',
    '[::ffff:127.0.0.1]:9443',
    '[::ffff:7f00:1]:6443',
    '[::ffff:169.254.169.254]:80',
  ],
  ...['[0:0:0:0:0:ffff:7f00:0001]:443', '[::127.0.0.1]:443', '[64:ff9b::7f00:1]:443', '0.0.0.0:9443', '[::]:9443'],
  ...[
    '10.0.0.1:6443',
    '10.96.0.1:443',
    '192.168.1.1:443',
    '255.255.255.255:1',
    '224.0.0.1:1',
    '[ff02::1]:1',
    '[fe80::1]:443',
  ],
  ...[`[${NODE}]:443`, `[${NODE}]:9443`, '[fd6e:6573:746c:696e::1]:10250'],
  ...[
    'loopback.example:9443',
    'loopback6.example:443',
    'mapped.example:443',
    'metadata.example:80',
    'mixed.example:443',
    'node.example:10250',
  ],
];
test.each(forbidden)('%s is forbidden', async (target) => {
  await expect(decide(target)).rejects.toMatchObject({ name: 'Refusal', reason: 'forbidden' });
});

test.each(['localhost:9443', 'nothing.example:443', 'kubernetes:443', '__proto__:443', 'constructor:443'])(
  '%s has no address',
  async (target) => {
    await expect(decide(target)).rejects.toMatchObject({ name: 'Refusal', reason: 'unresolved' });
  },
);

test('facts that believe anything open neither loopback, link-local nor multicast addresses', async () => {
  for (const target of [
    '127.0.0.1:6443',
    '169.254.169.254:80',
    '0.0.0.0:80',
    '[::1]:80',
    '[::ffff:127.0.0.1]:80',
    '[fe80::1]:80',
    '[ff02::1]:80',
    '[::]:80',
  ]) {
    await expect(decide(target, credulous)).rejects.toMatchObject({ reason: 'forbidden' });
  }
  await expect(decide('loopback.example:80', credulous)).rejects.toMatchObject({ reason: 'forbidden' });
});

test('the answer to a tenant does not tell a name that does not exist from one that it may not reach', async () => {
  const answers = await Promise.all(
    ['metadata.example:80', 'nothing.example:80', 'no-such.example:80'].map((target) =>
      decide(target).catch((error: unknown) => (error as Refusal).answer),
    ),
  );
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).not.toContain('169.254');
});

test('canonical addresses', () => {
  expect(canonicalAddress('FD00:0:0::1')).toBe('fd00::1');
  expect(canonicalAddress('2001:db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
  expect(canonicalAddress('::ffff:255.0.1.2')).toBe('255.0.1.2');
  expect(canonicalAddress('::ffff:0:1')).toBe('0.0.0.1');
  expect(canonicalAddress('01.2.3.4')).toBeUndefined();
  expect(parseAuthority('A.Example.:1')).toEqual({ name: 'a.example', port: 1 });
});
