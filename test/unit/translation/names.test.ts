import * as fc from 'fast-check';
import {
  certificateSecretName,
  clusterScopedHostName,
  hostAnnotationKey,
  hostLabelKey,
  hostName,
  hostNamespaceLabelKey,
  tokenSecretName,
  trustAnchorsName,
} from '../../../syncer/translation';

const myVc = { name: 'my-vc', hostNamespace: 'vcluster-my-vc' };
const a = (count: number): string => 'a'.repeat(count);

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** DNS labels out of pieces that make joined names meet: dashes, `x`, things that look like hashes. */
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'x', 'b', 'xx', '0') },
  { weight: 1, arbitrary: fc.stringMatching(/^[0-9a-f]{10}$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9]{1,30}$/) },
);
const dnsLabel = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join('-').slice(0, 63).replace(/-+$/, ''));
const objectName = fc.array(dnsLabel, { minLength: 1, maxLength: 5 }).map((labels) =>
  labels
    .join('.')
    .slice(0, 253)
    .replace(/[-.]+$/, ''),
);
const key = fc.record({
  name: objectName,
  namespace: dnsLabel,
  cluster: dnsLabel.map((name) => name.slice(0, 52).replace(/-+$/, '')),
});

describe('host names', () => {
  test.each([
    ['nginx', 'default', 'my-vc', 'nginx-x-default-x-my-vc'],
    [
      'nginx-deployment-7fb96c846b-abcde',
      'production',
      'my-vcluster',
      'nginx-deployment-7fb96c846b-abcde-x-production-x-my-vcluster',
    ],
    [
      'payments-api-deployment-7fb96c846b-abcde',
      'production-eu',
      'my-vcluster',
      'payments-api-deployment-7fb96c846b-abcde-x-productio-45a2fc8897',
    ],
    [a(53), 'ns', 'vc', `${a(53)}-x-ns-x-vc`],
    [a(54), 'ns', 'vc', `${a(52)}-b8d0c4da7c`],
    [`${a(51)}.${'b'.repeat(16)}`, 'ns', 'vc', `${a(51)}-415cd0f9aa`],
  ])('of %s in %s of %s is the one that users of virtual clusters know', (name, namespace, cluster, expected) => {
    expect(hostName({ name: cluster, hostNamespace: 'any' }, namespace, name)).toBe(expected);
  });

  test.each([
    ['fast', myVc, 'vcluster-fast-x-vcluster-my-vc-x-my-vc'],
    [
      'really-long-storage-class-name-with-many-words',
      { name: 'my-vc', hostNamespace: 'team-x' },
      'vcluster-really-long-storage-class-name-with-many-wo-03caffeffe',
    ],
  ])('of cluster-scoped %s is the known one', (name, id, expected) => {
    expect(clusterScopedHostName(id, name)).toBe(expected);
  });

  test('keep apart what joins to the same text', () => {
    const id = { name: 'c', hostNamespace: 't' };
    const pairs: [string, string][] = [
      ['a-x', 'b'],
      ['a', 'x-b'],
      ['a-x-b', 'c'],
      ['a', 'b-x-c'],
      ['a', 'b'],
      ['x', 'b'],
      ['a', 'x'],
      ['x', 'x'],
      ['x-x', 'x'],
      ['x', 'x-x'],
    ];
    const names = pairs.map(([name, namespace]) => hostName(id, namespace, name));
    expect(new Set(names).size).toBe(pairs.length);
  });

  test('of all parts of up to four words, x or not, are different', () => {
    const parts = ['a', 'x'];
    for (let words = 2; words <= 4; words++) {
      for (const part of parts.filter((one) => one.split('-').length === words - 1))
        parts.push(`a-${part}`, `x-${part}`);
    }
    const names = new Set<string>();
    for (const cluster of parts) {
      for (const namespace of parts) {
        for (const name of parts) names.add(hostName({ name: cluster, hostNamespace: 't' }, namespace, name));
      }
    }
    expect(parts).toHaveLength(30);
    expect(names.size).toBe(30 ** 3);
  });

  test('are never plain where they could be a hashed one', () => {
    const long = hostName({ name: 'c', hostNamespace: 't' }, 'ns-with-a-long-name', 'n'.repeat(50));
    const tail = long.slice(-10);
    const twin = hostName({ name: `cluster-${tail}`, hostNamespace: 't' }, 'ns', 'name');
    expect(twin).not.toBe(`name-x-ns-x-cluster-${tail}`);
  });

  test('are valid, short and unlike for names of any length, up to 253 characters, that differ in one', () => {
    const word = fc.stringMatching(/^[a-z0-9]{253}$/);
    const place = fc.nat({ max: 252 });
    fc.assert(
      fc.property(
        word,
        fc.integer({ min: 1, max: 253 }),
        place,
        fc.array(place, { maxLength: 8 }),
        (text, length, at, marks) => {
          const characters = [...text.slice(0, length)];
          // Dots, dashes and `-x-`, never beside each other or at an end.
          for (const [index, mark] of marks.entries()) {
            if (mark < 1 || mark > length - 4 || characters.slice(mark - 1, mark + 4).some((one) => '-.'.includes(one)))
              continue;
            if (index % 3 === 2) characters.splice(mark, 3, '-', 'x', '-');
            else characters[mark] = index % 3 === 0 ? '.' : '-';
          }
          const name = characters.join('');
          const letters = characters.flatMap((one, index) => ('-.'.includes(one) ? [] : [index]));
          const changed = letters[at % letters.length] ?? 0;
          const other = `${name.slice(0, changed)}${name[changed] === 'a' ? 'b' : 'a'}${name.slice(changed + 1)}`;
          const of = (one: string): string => hostName(myVc, 'shop', one);
          expect(name).toHaveLength(length);
          expect(name).toMatch(DNS_SUBDOMAIN);
          expect(of(name)).toMatch(DNS_SUBDOMAIN);
          expect(of(name).length).toBeLessThanOrEqual(63);
          expect(of(name)).not.toBe(of(other));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('are valid, short and unlike for any two objects', () => {
    fc.assert(
      fc.property(key, key, (one, other) => {
        const of = (k: typeof one): string => hostName({ name: k.cluster, hostNamespace: 't' }, k.namespace, k.name);
        expect(of(one)).toMatch(DNS_SUBDOMAIN);
        expect(of(one).length).toBeLessThanOrEqual(63);
        expect(of(one)).toBe(of({ ...one }));
        const same = one.name === other.name && one.namespace === other.namespace && one.cluster === other.cluster;
        expect(of(one) === of(other)).toBe(same);
      }),
      { numRuns: 3000 },
    );
  });

  test('of many objects with hostile names are all different', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { minLength: 50, maxLength: 200, selector: (k) => JSON.stringify(k) }),
        (keys) => {
          const names = keys.flatMap(({ name, namespace, cluster }) => {
            const id = { name: cluster, hostNamespace: 't' };
            return [hostName, tokenSecretName, trustAnchorsName, certificateSecretName].map((of) =>
              of(id, namespace, name),
            );
          });
          expect(new Set(names).size).toBe(names.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([tokenSecretName, trustAnchorsName, certificateSecretName])(
    '%p: of what is beside a pod are valid and of no object of the tenant',
    (nameOf) => {
      fc.assert(
        fc.property(key, ({ name, namespace, cluster }) => {
          const id = { name: cluster, hostNamespace: 't' };
          const secret = nameOf(id, namespace, name);
          expect(secret).toMatch(DNS_SUBDOMAIN);
          expect(secret.length).toBeLessThanOrEqual(63);
          // A Secret that would have the same name if names were only joined.
          expect(hostName({ ...id, name: secret.split('-x-').at(-1) ?? '' }, namespace, name)).not.toBe(secret);
        }),
      );
    },
  );
});

describe('label keys on the host', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?$/);
  const labelKey = fc.oneof(
    name,
    fc.tuple(objectName, name).map(([prefix, last]) => `${prefix}/${last}`),
    name.map((last) => `${last.slice(0, 49)}-x-0123456789`),
  );

  test('stay readable', () => {
    expect(hostLabelKey('app')).toBe('label.nestling.dev/app');
    expect(hostLabelKey('app.kubernetes.io/name')).toMatch(/^label\.nestling\.dev\/name-x-[0-9a-f]{10}$/);
    expect(hostNamespaceLabelKey('env')).toBe('namespace-label.nestling.dev/env');
  });

  test.each(['__proto__', 'constructor', '', '/', 'a/', '_', '-', a(64), `${a(253)}/${a(63)}`, 'ä'])(
    'are valid for the key %j',
    (odd) => expect(hostLabelKey(odd).slice('label.nestling.dev/'.length)).toMatch(LABEL_NAME),
  );

  test('are valid and unlike for any two keys, and never ours', () => {
    fc.assert(
      fc.property(labelKey, labelKey, (one, other) => {
        for (const translate of [hostLabelKey, hostNamespaceLabelKey, hostAnnotationKey]) {
          const [prefix = '', part = ''] = translate(one).split('/');
          expect(prefix).toMatch(/^(label|namespace-label|annotation)\.nestling\.dev$/);
          expect(part).toMatch(LABEL_NAME);
          expect(part.length).toBeLessThanOrEqual(63);
          expect(translate(one) === translate(other)).toBe(one === other);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('of a nested cluster are not those of the outer one', () => {
    expect(hostLabelKey('nestling.dev/virtual-cluster')).not.toBe('nestling.dev/virtual-cluster');
    expect(hostLabelKey(hostLabelKey('app'))).not.toBe(hostLabelKey('app'));
  });
});
