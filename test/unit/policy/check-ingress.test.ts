import type { Ingress, IngressSpec } from 'kubernetes-types/networking/v1';
import { checkIngress, type IngressPolicy } from '../../../syncer/policy';

const check = (
  spec: object,
  policy: Partial<IngressPolicy> = {},
  annotations: Record<string, string> = {},
): string[] => {
  const ingress: Ingress = { metadata: { name: 'web', annotations }, spec: spec as IngressSpec };
  return checkIngress(ingress, { level: 'baseline', allowedHosts: [], allowedClasses: [], ...policy }).map(
    ({ message }) => message,
  );
};
const hosts = (...names: readonly (string | undefined)[]) => ({ rules: names.map((host) => ({ host })) });
const allowedHosts = ['shop.example.com', '*.team-a.example.com'];

describe('hosts', () => {
  test('are free where none are given, but at the restricted level', () => {
    const spec = {
      ...hosts('a.example.com', '*.example.com', undefined),
      defaultBackend: {},
      tls: [{ hosts: ['b.example.com'] }],
    };
    expect(check(spec)).toEqual([]);
    expect(check(spec, { level: 'privileged' })).toEqual([]);
    expect(check(hosts('a.example.com'), { level: 'restricted' })).toEqual([
      'spec.rules[0].host is "a.example.com", which the restricted policy forbids; ask the operator of the platform to allow hosts',
    ]);
    expect(check(spec, { level: 'restricted' })).toHaveLength(5);
  });

  test.each([
    'shop.example.com',
    'SHOP.example.com',
    'a.team-a.example.com',
    'a.b.team-a.example.com',
    '*.team-a.example.com',
    '*.x.team-a.example.com',
  ])('that are given are allowed: %s', (host) => {
    for (const level of ['baseline', 'restricted'] as const)
      expect(check(hosts(host), { level, allowedHosts })).toEqual([]);
  });

  test.each([
    'other.example.com',
    'team-a.example.com',
    'xteam-a.example.com',
    '*.example.com',
    '*.shop.example.com',
    'shop.example.com.evil.org',
  ])('that are not given are refused at every level: %s', (host) => {
    for (const level of ['privileged', 'baseline', 'restricted'] as const) {
      expect(check(hosts(host), { level, allowedHosts })).toEqual([
        `spec.rules[0].host is "${host}", which the baseline policy forbids; use one of shop.example.com, *.team-a.example.com`,
      ]);
    }
  });

  test('are needed where some are given: no rule and no backend for every host', () => {
    expect(check({ ...hosts(undefined, ''), defaultBackend: { service: { name: 'x' } } }, { allowedHosts })).toEqual([
      expect.stringMatching(/^spec\.defaultBackend is "for every host"/),
      expect.stringMatching(/^spec\.rules\[0\]\.host is not set/),
      expect.stringMatching(/^spec\.rules\[1\]\.host is not set/),
    ]);
  });

  test('of certificates are held to the same', () => {
    expect(check({ tls: [{ hosts: ['shop.example.com', 'other.example.com'] }, {}] }, { allowedHosts })).toEqual([
      expect.stringMatching(/^spec\.tls\[0\]\.hosts\[1\] is "other\.example\.com"/),
    ]);
  });
});

describe('classes', () => {
  const legacy = { 'kubernetes.io/ingress.class': 'internal' };

  test('are those that are given, in the field and in the annotation', () => {
    const policy = { allowedClasses: ['public'] };
    expect(check({ ingressClassName: 'public' }, policy)).toEqual([]);
    expect(check({ ingressClassName: 'internal' }, policy)).toEqual([
      'spec.ingressClassName is "internal", which the baseline policy forbids; use one of public',
    ]);
    expect(check({}, policy, legacy)).toHaveLength(1);
    expect(check({ ingressClassName: 'internal' })).toEqual([]);
  });

  test('are those that tenants see, where they see some', () => {
    const isShown = (name: string): boolean => name === 'public';
    expect(check({ ingressClassName: 'public' }, { isShown })).toEqual([]);
    expect(check({ ingressClassName: 'internal' }, { isShown, level: 'privileged' })).toHaveLength(1);
    expect(check({}, { isShown })).toEqual([]);
    expect(check({}, { isShown, mayLackClass: false })).toEqual([
      'spec.ingressClassName is not set, which the baseline policy forbids; use one that kubectl get ingressclass shows',
    ]);
  });
});

describe('paths', () => {
  const path = (text: string | undefined) => ({ rules: [{ http: { paths: [{ path: text }] } }] });

  test.each(['/', '/api/v1', '/api(/|$)(.*)', '/a.b~c_%20-+=@:!&,*?', undefined])(
    'that are paths or expressions are allowed: %j',
    (text) => {
      expect(check(path(text))).toEqual([]);
    },
  );

  test.each(['/"; } location /x {', '/a\nb', '/a b', '/a;', '/a{2}', "/a'", '/a#', '/a\\"', '/a`'])(
    'that could end a location of a controller are refused: %j',
    (text) => {
      expect(check(path(text))).toEqual([
        expect.stringMatching(
          /^spec\.rules\[0\]\.http\.paths\[0\]\.path is .*, which the baseline policy forbids; leave out /,
        ),
      ]);
      expect(check(path(text), { level: 'privileged' })).toEqual([]);
    },
  );
});
