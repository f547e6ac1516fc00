import { App, Chart, type ApiObject, JsonPatch } from 'cdk8s';
import {
  Exposure,
  HostNodes,
  IngressSync,
  KubernetesVersion,
  NodeSyncPolicy,
  rights,
  rightsByObjects,
  RightsScope,
  TlsPassthrough,
  VirtualCluster,
  type VirtualClusterProps,
} from '../../../constructs';
import { KUBERNETES_PAIRS } from '../../../syncer/configuration';
import { chartInTeamA, propsError, synthesisError, synthesize } from './synthesized';

const hosts = (...allowedHosts: string[]): VirtualClusterProps => ({
  sync: { toHost: { ingresses: { allowedHosts } } },
});

/** Problems of an app with a cluster for each of the props, in a namespace of its own. */
function problems(...clusters: VirtualClusterProps[]): string[] {
  const app = new App();
  clusters.forEach((props, index) => {
    new VirtualCluster(new Chart(app, `team-${index}`, { namespace: `team-${index}` }), 'vc', props);
  });
  try {
    app.synthYaml();
    return [];
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

describe('hosts of an app', () => {
  test('belong to one tenant each', () => {
    expect(problems(hosts('shop.example.com', 'a.example.com'), hosts('b.example.com', 'shop.example.com'))).toEqual([
      '[team-1/vc] sync.toHost.ingresses.allowedHosts[1]: "shop.example.com": is claimed by team-0/vc (sync.toHost.ingresses.allowedHosts), too: give each a host of its own, or share hosts on purpose by one IngressSync for both clusters',
    ]);
  });

  test.each([
    ['a name below another’s wildcard', '*.example.com', 'a.b.example.com'],
    ['a wildcard above another’s name', 'a.b.example.com', '*.example.com'],
    ['a wildcard below another’s wildcard', '*.example.com', '*.b.example.com'],
    ['a wildcard above another’s wildcard', '*.b.example.com', '*.example.com'],
  ])('do not overlap: %s is refused', (_, first, second) => {
    expect(problems(hosts(first), hosts(second))).toEqual([
      expect.stringContaining(
        `[team-1/vc] sync.toHost.ingresses.allowedHosts: "${second}": overlaps with ${first} of team-0/vc`,
      ),
    ]);
  });

  test('that only look alike are nobody else’s', () => {
    expect(problems(hosts('*.a.example.com', 'a.example.com'), hosts('*.ba.example.com', 'example.com'))).toEqual([]);
  });

  test('of one tenant may overlap', () => {
    expect(problems(hosts('*.example.com', 'a.example.com', '*.b.example.com'))).toEqual([]);
  });

  test('of an API server are no tenant’s, not even its own', () => {
    const exposure = (host: string) => ({
      exposure: Exposure.ingress({ host, passthrough: TlsPassthrough.ingressNginx() }),
    });
    expect(problems(exposure('vc.example.com'), exposure('vc.example.com'))).toEqual([
      '[team-1/vc] exposure.host: "vc.example.com": is claimed by team-0/vc (exposure.host), too: give each a host of its own',
    ]);
    expect(problems({ ...hosts('*.example.com'), ...exposure('vc.example.com') })).toEqual([
      '[team-0/vc] exposure.host: "vc.example.com": overlaps with *.example.com of team-0/vc (sync.toHost.ingresses.allowedHosts): give each a host of its own',
    ]);
  });

  test('are shared by one IngressSync, whose hosts are its own claim', () => {
    const app = new App();
    const chart = new Chart(app, 'test', { namespace: 'team-a' });
    const ingresses = new IngressSync(chart, 'ingress', { allowedHosts: ['*.example.com'] });
    for (const id of ['one', 'two']) new VirtualCluster(chart, id, { sync: { toHost: { ingresses } } });
    expect(() => app.synthYaml()).not.toThrow();
    new VirtualCluster(chart, 'three', hosts('a.example.com'));
    expect(synthesisError(app).split('\n').slice(1)).toEqual([
      expect.stringContaining(
        '[test/three] sync.toHost.ingresses.allowedHosts: "a.example.com": overlaps with *.example.com of test/ingress (allowedHosts)',
      ),
    ]);
  });

  test('of ten thousand tenants stand beside each other', () => {
    const chart = chartInTeamA();
    for (let index = 0; index < 10; index++) {
      const allowedHosts = Array.from({ length: 1_000 }, (_, host) => `h${host}.t${index}.example.com`);
      new IngressSync(chart, `i${index}`, { allowedHosts });
    }
    expect(() => App.of(chart).synthYaml()).not.toThrow();
  });
});

test('clusters of one chart have one range of Service addresses, that of the host', () => {
  const app = new App();
  const chart = new Chart(app, 'test', { namespace: 'team-a' });
  new VirtualCluster(chart, 'one', { serviceCIDR: '10.96.0.0/16' });
  new VirtualCluster(chart, 'two', { serviceCIDR: '10.96.0.0/16' });
  new VirtualCluster(chart, 'three', { serviceCIDR: '10.97.0.0/16' });
  new VirtualCluster(new Chart(app, 'other host', { namespace: 'team-b' }), 'four', { serviceCIDR: '10.98.0.0/16' });
  expect(synthesisError(app).split('\n').slice(1)).toEqual([
    '  [test/three] serviceCIDR: "10.97.0.0/16": is another range than 10.96.0.0/16 of test/one in the same chart, and a host has one: give the host\'s range to both, or leave it out',
  ]);
});

describe('a scope of the host namespace alone', () => {
  const scope = RightsScope.NAMESPACE;

  test('is enough for all defaults', () => {
    expect(synthesize({ scope })).toEqual(synthesize());
  });

  test('refuses each feature that needs more, by its field', () => {
    const offer = { group: 'example.org', version: 'v1', kind: 'Offer', resource: 'offers' };
    const message = propsError({
      scope,
      sync: {
        toHost: { priorityClasses: { enabled: true } },
        fromHost: {
          nodes: NodeSyncPolicy.real(),
          storageClasses: { enabled: true },
          customResources: [{ ...offer, namespaces: [{ host: 'shared', virtual: 'offers' }] }],
        },
      },
    });
    const end = 'which scope RightsScope.NAMESPACE excludes: leave it out, or choose RightsScope.CLUSTER';
    expect(message.split('\n').slice(1).sort()).toEqual([
      `  [test/my-vc1] sync.fromHost.customResources[0]: needs get, list, watch on offers.example.org of the whole host, ${end}`,
      `  [test/my-vc1] sync.fromHost.nodes: needs get, list, watch on nodes of the whole host, ${end}`,
      `  [test/my-vc1] sync.fromHost.storageClasses: needs get, list, watch on storageclasses of the whole host, ${end}`,
      expect.stringMatching(
        /^ {2}\[test\/my-vc1\] sync\.toHost\.priorityClasses: needs .* on priorityclasses of the whole host, /,
      ),
    ]);
  });

  test('refuses policies of the whole host', () => {
    const chart = chartInTeamA();
    const ingresses = new IngressSync(chart, 'ingress', { allowedHosts: ['a.example.com'] });
    new VirtualCluster(chart, 'vc', { scope, sync: { toHost: { ingresses } } });
    expect(synthesisError(App.of(chart))).toContain(
      '[test/vc] sync.toHost.ingresses: is an IngressSync, whose ValidatingAdmissionPolicy is an object of the whole host',
    );
  });
});

describe('the version of the host', () => {
  test.each(['1.35', '1.36.2', 'v1.37.1', 'v1.36.4+k3s1', '1.37.0-gke.100'])('may be %s', (hostVersion) => {
    expect(synthesize({ hostVersion })).toEqual(synthesize());
  });

  test.each(['1.34', '1.38.0', 'v2.35.0'])('that nothing was tested on is refused: %s', (hostVersion) => {
    expect(propsError({ hostVersion, version: KubernetesVersion.V1_36 })).toContain(
      `[test/my-vc1] hostVersion: "${hostVersion}": is no host that virtual clusters of 1.36 are tested on: ` +
        'use a host of 1.35, 1.36, 1.37, or leave this out to go without the test',
    );
  });

  test.each(
    KubernetesVersion.supported.flatMap((version) =>
      ['1.33', '1.34', '1.35', '1.36', '1.37', '1.38'].map((host) => [host, version] as const),
    ),
  )('%s below virtual clusters of %s may be where the tests of versions run that pair', (hostVersion, number) => {
    const isTested = KUBERNETES_PAIRS.some(
      ({ host, virtual }) => host === hostVersion && number.startsWith(`${virtual}.`),
    );
    const version = KubernetesVersion.of(number);
    if (isTested) expect(() => synthesize({ hostVersion, version })).not.toThrow();
    else expect(propsError({ hostVersion, version })).toContain(`hostVersion: "${hostVersion}"`);
  });

  test('is a version', () => {
    expect(propsError({ hostVersion: 'newest' })).toContain(
      'hostVersion: "newest": is no version of Kubernetes: write its minor',
    );
  });
});

describe('rights', () => {
  const cluster = (props: VirtualClusterProps = {}): VirtualCluster => new VirtualCluster(chartInTeamA(), 'vc', props);

  test('of a cluster with all defaults end at its namespace, and its tenant’s pods have none', () => {
    const { rights: all, markdown } = rights(cluster());
    expect(all.length).toBeGreaterThan(5);
    for (const { who, namespace } of all) expect([who, namespace]).toEqual(['syncer', 'team-a']);
    expect(markdown).toContain('| syncer | namespace team-a | configmaps | vc-anchor | get | Role vc |');
    expect(markdown).toContain('Tenant pods run as ServiceAccount vc-workloads, which has no rights');
    expect(markdown).not.toContain('whole host');
  });

  test('are those of the synthesized roles, rule by rule', () => {
    const props = { sync: { fromHost: { nodes: NodeSyncPolicy.allNodes() } } };
    const given = rights(new VirtualCluster(chartInTeamA(), 'my-vc1', props)).rights;
    const rules = synthesize(props).flatMap((object) =>
      /^(Cluster)?Role$/.test(object.kind) ? (object['rules'] as object[]) : [],
    );
    expect(given).toHaveLength(rules.length);
    expect(given).toContainEqual({
      who: 'syncer',
      namespace: undefined,
      group: '',
      resources: ['nodes'],
      names: [],
      verbs: ['get', 'list', 'watch'],
      role: 'ClusterRole vcluster-syncer-x-team-a-x-my-vc1',
    });
  });

  test('include what a shared policy gives, and what a patch of a role adds', () => {
    const chart = chartInTeamA();
    const nodes = new NodeSyncPolicy(chart, 'gpu', { nodes: HostNodes.all(), name: 'gpu' });
    const vc = new VirtualCluster(chart, 'vc', { sync: { fromHost: { nodes } } });
    const role = vc.node.findChild('role') as ApiObject;
    role.addJsonPatch(JsonPatch.add('/rules/-', { apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] }));
    const { markdown } = rights(vc);
    expect(markdown).toContain('| syncer | **whole host** | nodes | all | get, list, watch | ClusterRole gpu |');
    expect(markdown).toContain('| syncer | namespace team-a | pods/proxy | all | get | Role vc |');
  });

  test('that a binding takes from outside of the app are not made up', () => {
    const vc = cluster();
    const binding = vc.node.findChild('role-binding') as ApiObject;
    binding.addJsonPatch(JsonPatch.replace('/roleRef/name', 'admin'));
    expect(() => rights(vc)).toThrow('test/vc: RoleBinding vc names Role admin, which this app does not make');
  });
});

test('the same app gives the same bytes', () => {
  const yaml = () => {
    const app = new App();
    const chart = new Chart(app, 'test', { namespace: 'team-a' });
    const nodes = new NodeSyncPolicy(chart, 'gpu', {
      nodes: HostNodes.matching({ b: '1', a: '2' }, { enforce: true }),
    });
    const ingresses = new IngressSync(chart, 'ingress', { allowedHosts: ['a.example.com'], allowedClasses: ['x'] });
    for (const id of ['one', 'two']) {
      new VirtualCluster(chart, id, { sync: { fromHost: { nodes }, toHost: { ingresses } } });
    }
    return app.synthYaml();
  };
  expect(yaml()).toBe(yaml());
});

test('rights by objects are those by the app, and those that somebody bound by hand', () => {
  const app = new App();
  const chart = new Chart(app, 'test', { namespace: 'team-a' });
  const vc = new VirtualCluster(chart, 'vc', { sync: { fromHost: { nodes: NodeSyncPolicy.allNodes() } } });
  const objects = chart.toJson() as object[];
  expect(rightsByObjects({ name: 'vc', namespace: 'team-a' }, objects)).toEqual(rights(vc));
  expect(rightsByObjects({ name: 'vc', namespace: 'team-b' }, objects).rights).toEqual([]);
  const byHand = {
    kind: 'ClusterRoleBinding',
    metadata: { name: 'oops' },
    roleRef: { kind: 'ClusterRole', name: 'secrets-reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'vc-workloads', namespace: 'team-a' }],
  };
  const role = {
    kind: 'ClusterRole',
    metadata: { name: 'secrets-reader' },
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
  };
  const { rights: all, markdown } = rightsByObjects({ name: 'vc', namespace: 'team-a' }, [...objects, byHand, role]);
  expect(all.at(-1)).toEqual({
    who: 'tenant pods',
    namespace: undefined,
    group: '',
    resources: ['secrets'],
    names: [],
    verbs: ['get'],
    role: 'ClusterRole secrets-reader',
  });
  expect(markdown).not.toContain('which has no rights');
  // As on the host, a role that is not there gives nothing.
  expect(rightsByObjects({ name: 'vc', namespace: 'team-a' }, [...objects, byHand]).rights).toEqual(rights(vc).rights);
});
