import fc from 'fast-check';
import type { Ingress, IngressSpec } from 'kubernetes-types/networking/v1';
import type { AnnotationRule } from '../../../syncer/configuration';
import { hostName, ingressReferences, translateIngress, virtualIngressStatus } from '../../../syncer/translation';
import { VALUE_GRAMMARS } from '../../../syncer/translation/annotation-values';
import { ingressClassView } from '../../../syncer/translation';
import { anchor, identity, refusal, unwrap } from './fixtures';

const ingressWith = (annotations: Record<string, string> = {}, spec: object = {}, metadata: object = {}): Ingress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web', namespace: 'shop', uid: 'uid', annotations, ...metadata },
  spec: spec as IngressSpec,
});
const context = (annotations: readonly AnnotationRule[] = [], more: object = {}) => ({
  identity,
  anchor,
  annotations,
  ...more,
});
const translate = (ingress: Ingress, rules: readonly AnnotationRule[] = [], more: object = {}) =>
  translateIngress(ingress, context(rules, more));
const host = (ingress: Ingress, rules: readonly AnnotationRule[] = [], more: object = {}): Ingress =>
  unwrap(translate(ingress, rules, more));
/** The host's annotations that are not ours. */
function passed(annotations: Record<string, string>, rules: readonly AnnotationRule[] = []): Record<string, string> {
  const all = host(ingressWith(annotations), rules).metadata?.annotations ?? {};
  return Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith('nestling.dev/')));
}
const dropped = (annotations: Record<string, string>, rules: readonly AnnotationRule[] = []) =>
  translate(ingressWith(annotations), rules).dropped;
const refused = (annotations: Record<string, string>, rules: readonly AnnotationRule[] = []): string =>
  refusal(translate(ingressWith(annotations), rules));
const twin = (name: string): string => hostName(identity, 'shop', name);
const NGINX = 'nginx.ingress.kubernetes.io';
const ALB = 'alb.ingress.kubernetes.io';

describe('a host Ingress', () => {
  const backend = { service: { name: 'web', port: { name: 'http' } } };

  test('leads to the twins of Services and has the twins of its certificates', () => {
    const ingress = ingressWith(
      {},
      {
        ingressClassName: 'public',
        defaultBackend: { service: { name: 'fallback', port: { number: 80 } } },
        rules: [{ host: 'shop.example.com', http: { paths: [{ path: '/a', pathType: 'Prefix', backend }] } }],
        tls: [{ hosts: ['shop.example.com'], secretName: 'cert' }, { hosts: ['b.example.com'] }],
      },
    );
    expect(host(ingress)).toMatchObject({
      metadata: { name: twin('web'), namespace: 'team-a', annotations: { 'nestling.dev/uid': 'uid' } },
      spec: {
        ingressClassName: 'public',
        defaultBackend: { service: { name: twin('fallback'), port: { number: 80 } } },
        rules: [
          {
            host: 'shop.example.com',
            http: {
              paths: [
                { path: '/a', pathType: 'Prefix', backend: { service: { name: twin('web'), port: { name: 'http' } } } },
              ],
            },
          },
        ],
        tls: [{ hosts: ['shop.example.com'], secretName: twin('cert') }, { hosts: ['b.example.com'] }],
      },
    });
    expect(
      ingressReferences(ingress, context()).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
    ).toEqual(['Service shop/fallback', 'Service shop/web', 'Secret shop/cert']);
  });

  test('may have a ConfigMap or Secret as a backend, and nothing else that is no Service', () => {
    const resource = (apiGroup: string | undefined, kind: string) =>
      ingressWith(
        {},
        { defaultBackend: { resource: { ...(apiGroup !== undefined && { apiGroup }), kind, name: 'x' } } },
      );
    expect(host(resource(undefined, 'ConfigMap')).spec?.defaultBackend?.resource?.name).toBe(twin('x'));
    expect(host(resource('', 'Secret')).spec?.defaultBackend?.resource?.name).toBe(twin('x'));
    for (const other of [
      resource('storage.example.com', 'Bucket'),
      resource('x.example.com', 'Secret'),
      resource('', 'Pod'),
    ]) {
      expect(refusal(translate(other))).toMatch(
        /^Unsupported: spec\.defaultBackend\.resource is a \w+, which is not on the host; use/,
      );
    }
  });

  test('never leads to the API server, whose Service is not among the tenant’s', () => {
    const spec = { defaultBackend: { service: { name: 'kubernetes', port: { number: 443 } } } };
    expect(refusal(translate(ingressWith({}, spec, { namespace: 'default' })))).toContain(
      'spec.defaultBackend.service.name is the API server',
    );
    expect(translate(ingressWith({}, spec)).ok).toBe(true);
  });

  test('is refused with the path of a field that is not known', () => {
    expect(refusal(translate(ingressWith({}, { rules: [{ host: 'a', tcp: {} }] })))).toContain(
      'spec.rules[0].tcp is a field',
    );
  });
});

describe('the class of a host Ingress', () => {
  const legacy = { 'kubernetes.io/ingress.class': 'old' };

  test.each([
    ['is the one of the field', {}, 'new', undefined, 'new'],
    ['is the one of the annotation that was before the field', legacy, undefined, undefined, 'old'],
    ['is the one of the field where there are both', legacy, 'new', undefined, 'new'],
    ['is the platform’s where none is named', {}, undefined, 'forced', 'forced'],
    ['is the host’s default where nobody names one', {}, undefined, undefined, undefined],
    ['is not an empty one', { 'kubernetes.io/ingress.class': '' }, undefined, 'forced', 'forced'],
  ])('%s', (_title, annotations, ingressClassName, defaultClass, expected) => {
    const spec = ingressClassName === undefined ? {} : { ingressClassName };
    const translated = host(ingressWith(annotations, spec), [], { defaultClass });
    expect(translated.spec?.ingressClassName).toBe(expected);
    expect(translated.metadata?.annotations).not.toHaveProperty(['kubernetes.io/ingress.class']);
  });

  test('is an annotation where the platform has a rule for it, and then no field', () => {
    const rules: AnnotationRule[] = [{ key: 'kubernetes.io/ingress.class', action: 'set', value: 'gce' }];
    const translated = host(ingressWith(legacy, { ingressClassName: 'new' }), rules);
    expect(translated.metadata?.annotations).toMatchObject({ 'kubernetes.io/ingress.class': 'gce' });
    expect(translated.spec).not.toHaveProperty('ingressClassName');
  });
});

describe('annotations', () => {
  test('that are not known stay in the virtual cluster, and the tenant is told of those that controllers may look for', () => {
    const annotations = {
      'cert-manager.io/cluster-issuer': 'letsencrypt',
      'external-dns.alpha.kubernetes.io/hostname': 'other.example.com',
      [`${NGINX}/unheard-of`]: 'x',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'meta.helm.sh/release-name': 'a',
      'argocd.argoproj.io/tracking-id': 'a',
      'nestling.dev/uid': 'forged',
      constructor: 'x',
      '__proto__.example.org/x': 'x',
    };
    expect(passed(annotations)).toEqual({});
    expect(dropped(annotations)).toEqual([
      '__proto__.example.org/x',
      'cert-manager.io/cluster-issuer',
      'constructor',
      'external-dns.alpha.kubernetes.io/hostname',
      `${NGINX}/unheard-of`,
    ]);
    expect(host(ingressWith(annotations)).metadata?.annotations?.['nestling.dev/uid']).toBe('uid');
  });

  test('of controllers that are known to be safe are passed on', () => {
    const annotations = {
      [`${NGINX}/rewrite-target`]: '/$2',
      [`${NGINX}/proxy-body-size`]: '8m',
      [`${NGINX}/whitelist-source-range`]: '10.0.0.0/8,fd00::/8',
      [`${NGINX}/cors-allow-origin`]: 'https://*.example.com, http://a.example.com:8080',
      [`${ALB}/listen-ports`]: '[{"HTTP": 80}, {"HTTPS": 443}]',
      'traefik.ingress.kubernetes.io/router.entrypoints': 'web,websecure',
      'haproxy.org/timeout-server': '50s',
    };
    expect(passed(annotations)).toEqual(annotations);
  });

  test.each([
    [`${NGINX}/rewrite-target`, '/x;\nproxy_pass http://169.254.169.254', 'a path'],
    [`${NGINX}/rewrite-target`, '/"; } location /a {', 'a path'],
    [`${NGINX}/rewrite-target`, '/$http_authorization', 'a path'],
    [`${NGINX}/proxy-body-size`, '8m; x', 'a size'],
    [`${NGINX}/backend-protocol`, 'FCGI', 'HTTP or HTTPS'],
    [`${NGINX}/ssl-redirect`, 'yes', 'true or false'],
    [`${NGINX}/permanent-redirect`, 'https://a.example.com/$request_uri', 'an http or https URL'],
    [`${NGINX}/whitelist-source-range`, '10.0.0.0/8; deny all', 'addresses'],
    [`${ALB}/listen-ports`, '[{"HTTP": 80}', 'JSON'],
  ])('with a value that is none refuse the Ingress: %s: %j', (key, value, expected) => {
    const message = refused({ [key]: value });
    expect(message).toContain(
      `Unsupported: metadata.annotations[${key}] is ${JSON.stringify(value)}; write ${expected}`,
    );
  });

  test.each([
    'configuration-snippet',
    'server-snippet',
    'stream-snippet',
    'auth-snippet',
    'modsecurity-snippet',
    'auth-url',
    'auth-signin',
    'auth-tls-match-cn',
    'mirror-target',
    'mirror-host',
    'server-alias',
    'from-to-www-redirect',
    'custom-headers',
    'upstream-hash-by',
  ])('that reach into a shared controller, or without which the Ingress would be open, refuse it: %s', (name) => {
    expect(refused({ [`${NGINX}/${name}`]: 'x' })).toContain(`metadata.annotations[${NGINX}/${name}] `);
  });

  test('name the twins of Secrets, which are brought to the host', () => {
    const annotations = {
      [`${NGINX}/auth-secret`]: 'users',
      [`${NGINX}/auth-tls-secret`]: 'shop/ca',
      [`${NGINX}/default-backend`]: 'down',
    };
    expect(passed(annotations)).toEqual({
      [`${NGINX}/auth-secret`]: twin('users'),
      [`${NGINX}/auth-tls-secret`]: `team-a/${twin('ca')}`,
      [`${NGINX}/default-backend`]: twin('down'),
    });
    expect(ingressReferences(ingressWith(annotations), context())).toMatchObject([
      { kind: 'Secret', namespace: 'shop', name: 'users' },
      { kind: 'Secret', namespace: 'shop', name: 'ca' },
      { kind: 'Service', namespace: 'shop', name: 'down' },
    ]);
  });

  test.each(['other/ca', 'kube-system/ca', 'shop/ca/x', '', '/', 'shop/', 'a b', '../ca', 'file:///etc/passwd'])(
    'name nothing of another namespace, and nothing that is no name: %j',
    (value) => {
      expect(refused({ [`${NGINX}/auth-tls-secret`]: value })).toContain(
        'write the name of a Secret of namespace shop',
      );
    },
  );

  test('follow the platform’s rules first, of which the first that matches decides', () => {
    const rules: AnnotationRule[] = [
      { key: 'example.org/exact', action: 'allow', values: 'number' },
      { key: 'example.org/*', action: 'drop' },
      { key: 'example.org/late', action: 'allow', values: 'any' },
      { key: 'ref.example.org/secret', action: 'rewrite', names: 'secretName' },
      { key: 'ref.example.org/both', action: 'rewrite', names: 'configMapNamespacedName' },
      { key: `${NGINX}/configuration-snippet`, action: 'allow', values: 'any' },
      { key: `${NGINX}/ssl-redirect`, action: 'set', value: 'true' },
      { key: `${NGINX}/ssl-redirect`, action: 'set', value: 'late' },
    ];
    const annotations = {
      'example.org/exact': '7',
      'example.org/late': 'x',
      'example.org/other': 'x',
      'ref.example.org/secret': 's',
      'ref.example.org/both': 'shop/c',
      [`${NGINX}/configuration-snippet`]: 'more_set_headers "a: b";',
      [`${NGINX}/ssl-redirect`]: 'false',
    };
    expect(passed(annotations, rules)).toEqual({
      'example.org/exact': '7',
      'ref.example.org/secret': twin('s'),
      'ref.example.org/both': `team-a/${twin('c')}`,
      [`${NGINX}/configuration-snippet`]: 'more_set_headers "a: b";',
      [`${NGINX}/ssl-redirect`]: 'true',
    });
    expect(dropped(annotations, rules)).toEqual([]);
    expect(refused({ 'example.org/exact': 'seven' }, rules)).toContain('write a number');
    expect(refused({ 'ref.example.org/secret': 'shop/s' }, rules)).toContain('write the name of a Secret');
  });

  test('never become keys of ours, whatever the rules say', () => {
    const keys = ['nestling.dev/uid', 'nestling.dev/applied-keys', 'label.nestling.dev/a', 'a.nestling.dev/b'];
    const annotations = Object.fromEntries(keys.map((key) => [key, 'forged']));
    const translated = host(ingressWith(annotations), [
      { key: 'n*', action: 'allow', values: 'any' },
      { key: 'l*', action: 'allow', values: 'any' },
    ]);
    expect(JSON.stringify(translated)).not.toContain('forged');
  });
});

describe('actions of the AWS controller', () => {
  const action = {
    type: 'forward',
    forwardConfig: {
      targetGroups: [
        { serviceName: 'blue', servicePort: 80, weight: 20 },
        { serviceName: 'green', servicePort: 'http', weight: 80, unknown: [1] },
      ],
      targetGroupStickinessConfig: { enabled: true },
    },
    unknown: { deep: null },
  };

  test('name the twins in key and value, and keep all else', () => {
    const result = passed({
      [`${ALB}/actions.split`]: JSON.stringify(action),
      [`${ALB}/conditions.blue`]: '[{"field":"path-pattern"}]',
    });
    expect(Object.keys(result)).toEqual([`${ALB}/actions.${twin('split')}`, `${ALB}/conditions.${twin('blue')}`]);
    expect(JSON.parse(result[`${ALB}/actions.${twin('split')}`] ?? '')).toEqual({
      ...action,
      forwardConfig: {
        ...action.forwardConfig,
        targetGroups: [
          { ...action.forwardConfig.targetGroups[0], serviceName: twin('blue') },
          { ...action.forwardConfig.targetGroups[1], serviceName: twin('green') },
        ],
      },
    });
  });

  test('keep fields of any name', () => {
    const text = '{"__proto__":{"serviceName":"a"},"constructor":1}';
    expect(Object.values(passed({ [`${ALB}/actions.x`]: text }))).toEqual([
      `{"__proto__":{"serviceName":"${twin('a')}"},"constructor":1}`,
    ]);
  });

  test.each([
    ['a target of the account', '{"type":"forward","targetGroupARN":"arn:aws:x"}', 'has a targetGroupARN'],
    ['a target in other letters', '{"type":"forward","targetgrouparn":"arn:aws:x"}', 'has a targetgrouparn'],
    ['a Service in other letters', '{"ServiceName":"web"}', 'spells serviceName in another way'],
    ['a Service in letters that Go takes for others', '{"ſerviceName":"web"}', 'spells serviceName in another way'],
    [
      'hosts of its own',
      '[{"field":"host-header","hostHeaderConfig":{"values":["a.example"]}}]',
      'has a hostHeaderConfig',
    ],
    ['a name that is none', '{"serviceName":"a/b"}', 'has a serviceName that is no name'],
    ['no JSON', '{', 'is no JSON'],
    ['endless nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'too deeply nested'],
  ])('with %s are refused', (_title, value, expected) => {
    expect(refused({ [`${ALB}/actions.x`]: value })).toContain(expected);
  });

  test('with a name that makes a key too long are refused, as the key would be no key', () => {
    const name = 'a'.repeat(50);
    expect(refused({ [`${ALB}/actions.${name}`]: '{}' })).toContain('is too long for a key on the host');
  });
});

test('but for JSON and what the platform allows wholly, no value ends a directive or a quoted text of a controller', () => {
  const unsafe = fc.constantFrom(...';{}"\'`\\#\n\r\t\0\u2028');
  const around = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(around, unsafe, around, (before, character, after) => {
      for (const [name, { matches }] of Object.entries(VALUE_GRAMMARS)) {
        if (name === 'any' || name === 'json') continue;
        for (const value of [
          before + character + after,
          `/${before}${character}`,
          `https://a${character}`,
          `1${character}`,
        ]) {
          expect([name, value, matches(value)]).toEqual([name, value, false]);
        }
      }
    }),
  );
});

test('the status has the host’s addresses, and loses those that the host has no more', () => {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1', ports: [{ port: 443, protocol: 'TCP' }] }] } };
  const virtual = ingressWith();
  expect(virtualIngressStatus({ ...virtual, status }, virtual)).toEqual(status);
  expect(virtualIngressStatus({ ...virtual, status }, { ...virtual, status })).toBeUndefined();
  expect(virtualIngressStatus(virtual, { ...virtual, status })).toEqual({ loadBalancer: { ingress: null } });
  expect(virtualIngressStatus({ ...virtual, status: { loadBalancer: {} } }, virtual)).toBeUndefined();
});

test('a class is shown without parameters that are in a namespace of the host', () => {
  const spec = {
    controller: 'example.org/c',
    parameters: { kind: 'P', name: 'p', scope: 'Namespace', namespace: 'secret-place' },
  };
  const shown = ingressClassView({ metadata: { name: 'public' }, spec });
  expect(shown.spec).toEqual({ controller: 'example.org/c' });
  const everywhere = { ...spec, parameters: { kind: 'P', name: 'p', scope: 'Cluster' } };
  expect(ingressClassView({ metadata: { name: 'public' }, spec: everywhere }).spec).toEqual(everywhere);
});
