import { App, Chart, JsonPatch, Testing, type ApiObject } from 'cdk8s';
import { FieldPatch, Isolation, PodSecurityLevel, VirtualCluster, type VirtualClusterProps } from '../../../constructs';
import { ATTACKS as LIST } from '../../../constructs/attacks/attacks';
import { named } from '../../../constructs/attacks/outcome';
import {
  assertIsolated,
  attack,
  ATTACKS,
  explain,
  Synthesized,
  type TenantManifest,
} from '../../../constructs/testing';
import { chartInTeamA } from './synthesized';

const cluster = (props: VirtualClusterProps = {}): VirtualCluster =>
  new VirtualCluster(chartInTeamA(), 'my-vc1', props);
const succeeding = (props: VirtualClusterProps) =>
  attack(cluster(props)).filter(({ stopped, expected }) => expected && !stopped);

test('a user’s own test has five lines', () => {
  const chart = Testing.chart();
  const vc = new VirtualCluster(chart, 'vc', { namespace: 'team-a' });
  assertIsolated(vc);
  expect(Synthesized.of(chart).find('StatefulSet', 'vc').metadata.namespace).toBe('team-a');
  expect(explain({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, vc).outcome).toBe('synced');
});

describe('the attacks that are decided before anything runs', () => {
  test.each([
    ['by default', {}],
    ['with Isolation.restricted', { isolation: Isolation.restricted() }],
    ['with Isolation.trusted, as far as it promises', { isolation: Isolation.trusted() }],
  ])('are stopped %s', (_, props) => {
    expect(succeeding(props)).toEqual([]);
  });

  test.each([
    ['v1', 'Pod', { spec: { containers: [{ name: 'web', image: 'nginx' }] } }],
    ['v1', 'Service', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }],
    ['networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {}, policyTypes: ['Ingress'] } }],
    [
      'networking.k8s.io/v1',
      'Ingress',
      { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
    ],
  ])('do not stop what is harmless: %s %s', (apiVersion, kind, body) => {
    const manifest = { apiVersion, kind, metadata: { name: 'web' }, ...body };
    expect(explain(manifest, cluster()).outcome).toBe('synced');
  });

  test('are those of the list of which something shows, and no others', () => {
    const live = [8, 10, 22, 25, 27, 29, 30, 31, 32, 34, 35, 36, 37, 40];
    const numbers = [...new Set(ATTACKS.map(({ number }) => number))];
    expect(numbers).toEqual(LIST.map(({ id }) => id).filter((id) => !live.includes(id)));
    for (const { number, title } of ATTACKS) expect(LIST.find(({ id }) => id === number)?.title).toBe(title);
  });

  test.each(LIST.flatMap(({ id, legitimate }) => legitimate.map((attempt) => [id, attempt] as const)))(
    'attack %d leaves alone what looks like it',
    (_, { manifest }) => {
      const names = { cluster: 'my-vc1', host: 'web.team-a.example.com', class: 'tenants' };
      const ingresses = { allowedHosts: ['*.team-a.example.com'], allowedClasses: ['tenants'] };
      const strict = cluster({ isolation: Isolation.restricted(), sync: { toHost: { ingresses } } });
      const { outcome, reason } = explain(named(manifest, names) as TenantManifest, strict);
      expect([outcome, reason.replace(/^only .*/, '')]).toEqual(['synced', '']);
    },
  );

  test('do succeed where nothing stops them: those of the Pod Security Standard, and of hosts', () => {
    const results = attack(cluster({ isolation: Isolation.trusted() }));
    const through = results.filter(({ stopped }) => !stopped).map(({ title }) => title);
    expect(through).toEqual(
      expect.arrayContaining([
        'A directory of the node as a volume (hostPath)',
        'A privileged container',
        'The network, processes, memory or a port of the node',
        "Another tenant's host name, or all, by an Ingress",
      ]),
    );
  });

  test.each([
    [
      'nothing by a patch that the policy refuses',
      { sync: { patches: [{ kind: 'Pod', operations: [FieldPatch.set('spec.hostNetwork', true)] }] } },
      [],
    ],
    [
      'a patch that takes translated labels back',
      { sync: { patches: [{ kind: 'Pod', operations: [FieldPatch.set('metadata.labels.app', 'victim')] }] } },
      [17],
    ],
    [
      'a rule that lets every annotation through',
      {
        sync: {
          toHost: {
            ingresses: { annotations: [{ key: 'nginx.ingress.kubernetes.io/*', action: 'allow', values: 'any' }] },
          },
        },
      },
      [24],
    ],
  ] as const)('find what a platform opened itself: %s', (_, props, numbers) => {
    const found = succeeding(props as VirtualClusterProps).map(({ number }) => number);
    expect(found).toEqual([...numbers]);
  });

  test.each([
    ['nodes/proxy', 28],
    ['*', 39],
  ])('find a patched role: %s', (resource, number) => {
    const vc = cluster();
    const role = vc.node.findChild('role') as ApiObject;
    role.addJsonPatch(JsonPatch.add('/rules/-', { apiGroups: [''], resources: [resource], verbs: ['get'] }));
    expect(() => assertIsolated(vc)).toThrow(`attack ${number}, `);
  });
});

describe('assertIsolated', () => {
  test('names each attack that succeeds, and how', () => {
    expect(() => assertIsolated(cluster({ podSecurity: PodSecurityLevel.PRIVILEGED }))).toThrow(
      /^test\/my-vc1 is not isolated:\n {2}attack 1, A directory of the node as a volume \(hostPath\): Pod a1-root goes to the host\n/,
    );
  });

  test('asks for limited hosts only on request', () => {
    assertIsolated(cluster());
    expect(() => assertIsolated(cluster(), { hosts: true })).toThrow('attack 23, ');
    const limited = cluster({ sync: { toHost: { ingresses: { allowedHosts: ['*.team-a.example.com'] } } } });
    expect(() => assertIsolated(limited, { hosts: true })).not.toThrow();
  });
});

describe('Synthesized', () => {
  const app = new App();
  for (const team of ['team-a', 'team-b']) new VirtualCluster(new Chart(app, team, { namespace: team }), 'vc');
  const all = Synthesized.of(app);

  test('has the objects of all charts', () => {
    expect(all.all('StatefulSet').map(({ metadata }) => metadata.namespace)).toEqual(['team-a', 'team-b']);
    expect(all.all('ServiceAccount', { 'app.kubernetes.io/component': 'workloads' })).toHaveLength(2);
  });

  test('finds one, and says what there is where it does not', () => {
    expect(all.find('Role', 'vc', 'team-b').metadata.namespace).toBe('team-b');
    expect(() => all.find('Role', 'vc')).toThrow(
      'there are 2 of Role vc: say the namespace of one of team-a/vc, team-b/vc',
    );
    expect(() => all.find('Role', 'other', 'team-a')).toThrow(
      'there is no Role team-a/other; there are: team-a/vc, team-b/vc',
    );
    expect(() => all.find('Deployment', 'web')).toThrow('there is no Deployment web; there are: none of that kind');
  });

  test('says what is wrong with an app', () => {
    const wrong = new App();
    new VirtualCluster(new Chart(wrong, 'wrong'), 'NO');
    expect(() => Synthesized.of(wrong)).toThrow('[wrong/NO] name: "NO"');
  });
});
