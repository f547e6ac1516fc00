import { ApiObject, App, Chart, Testing } from 'cdk8s';
import { Quota, Isolation, rights, VirtualCluster, type VirtualClusterProps } from '../../../constructs';
import {
  chartInTeamA,
  find,
  type Manifest,
  propsError,
  statefulSetOf,
  synthesisError,
  synthesize,
} from './synthesized';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'apps' } };
const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'apps' },
  data: { color: 'blue' },
};

function clusterWith(props: VirtualClusterProps = {}): { chart: Chart; cluster: VirtualCluster } {
  const chart = chartInTeamA();
  return { chart, cluster: new VirtualCluster(chart, 'my-vc1', props) };
}

const synthesized = (chart: Chart): Manifest[] => Testing.synth(chart) as Manifest[];

function manifestsIn(objects: readonly Manifest[]): unknown {
  const { data } = find(objects, 'ConfigMap', 'my-vc1-manifests') as Manifest & { data: Record<string, string> };
  expect(Object.keys(data)).toEqual(['manifests.json']);
  return JSON.parse(data['manifests.json']!);
}

class Web extends Chart {
  constructor(...args: ConstructorParameters<typeof Chart>) {
    super(...args);
    new ApiObject(this, 'settings', { ...settings, metadata: { name: 'web' } });
  }
}

test('initial manifests are in a ConfigMap of the host, an object a line, with the labels of the cluster', () => {
  const objects = synthesize({ manifests: [namespace, settings] });
  const map = find(objects, 'ConfigMap', 'my-vc1-manifests');
  expect(map.metadata).toEqual({
    name: 'my-vc1-manifests',
    namespace: 'team-a',
    labels: find(objects, 'ConfigMap', 'my-vc1-configuration').metadata.labels,
  });
  expect(map['data']).toEqual({
    'manifests.json': `[\n${JSON.stringify(namespace)},\n${JSON.stringify(settings)}\n]\n`,
  });
});

test('without manifests there is no such ConfigMap; with an empty list it is there, so that the last ones go', () => {
  expect(synthesize().map(({ metadata }) => metadata.name)).not.toContain('my-vc1-manifests');
  expect(manifestsIn(synthesize({ manifests: [] }))).toEqual([]);
});

test('the pod is the same with and without them: a change rolls nothing', () => {
  expect(statefulSetOf(synthesize({ manifests: [namespace] }))).toEqual(statefulSetOf(synthesize()));
});

test('objects and charts are added after the cluster was made, and none of them is an object of the host', () => {
  const { chart, cluster } = clusterWith({ manifests: [namespace] });
  cluster.addManifests(settings);
  const web = cluster.addChart((scope) => new Web(scope, 'web', { namespace: 'apps' }));
  cluster.addChart(new Web(new App(), 'other', { namespace: 'other' }));
  expect(web).toBeInstanceOf(Web);
  const objects = synthesized(chart);
  expect(manifestsIn(objects)).toEqual([
    namespace,
    settings,
    { ...settings, metadata: { name: 'web', namespace: 'apps' } },
    { ...settings, metadata: { name: 'web', namespace: 'other' } },
  ]);
  expect(objects.map(({ metadata }) => metadata.name)).not.toContain('web');
  expect(App.of(chart).charts).toEqual([chart]);
});

test('a chart may grow until the synthesis, and charts in it are taken along', () => {
  const { chart, cluster } = clusterWith();
  const outer = cluster.addChart((scope) => new Chart(scope, 'outer'));
  new Web(outer, 'inner');
  expect(manifestsIn(synthesized(chart))).toEqual([{ ...settings, metadata: { name: 'web' } }]);
});

test('the same program makes the same bytes', () => {
  const text = (): string => {
    const { chart, cluster } = clusterWith({ manifests: [namespace] });
    cluster.addChart((scope) => new Web(scope, 'web'));
    return App.of(chart).synthYaml();
  };
  expect(text()).toBe(text());
});

test('a quota has room for the ConfigMap, whether it is there or comes later', () => {
  const isolation = Isolation.baseline({ quota: Quota.standard() });
  const counted = (manifests: VirtualClusterProps): unknown =>
    (find(synthesize({ ...manifests, isolation }), 'ResourceQuota', 'my-vc1-quota')['spec'] as { hard: object }).hard;
  expect(counted({})).toEqual(counted({ manifests: [namespace] }));
});

test('the syncer needs no further right for them', () => {
  const of = (props: VirtualClusterProps): unknown => rights(clusterWith(props).cluster);
  expect(JSON.stringify(of({ manifests: [namespace] }))).toBe(JSON.stringify(of({})));
});

describe('synthesis says which object is wrong, its value and the remedy:', () => {
  test.each<[what: string, manifest: object, line: string]>([
    ['no API version', { ...settings, apiVersion: undefined }, 'manifests[1].apiVersion: is no API version: write one'],
    ['a wrong one', { ...settings, apiVersion: 'V1' }, 'manifests[1].apiVersion: "V1": is no API version: write one'],
    ['no kind', { ...settings, kind: undefined }, 'manifests[1].kind: is no kind: write one in camel case'],
    ['a kind in lower case', { ...settings, kind: 'pod' }, 'manifests[1].kind: "pod": is no kind: write one'],
    ['no metadata', { ...settings, metadata: null }, 'manifests[1].metadata.name: is no name: give each object one'],
    [
      'a name to be made up',
      { ...settings, metadata: { generateName: 'a-' } },
      'manifests[1].metadata.name: is no name: give each object one, as the API server has it; it cannot make one up',
    ],
    ['a path as name', { ...settings, metadata: { name: '../b' } }, 'manifests[1].metadata.name: "../b": is no name'],
    [
      'a wrong namespace',
      { ...settings, metadata: { name: 'a', namespace: 'A' } },
      'manifests[1].metadata.namespace: "A": ',
    ],
    ['a list', [settings], 'manifests[1]: is no plain object: give what a YAML manifest says'],
  ])('%s', (_, manifest, line) => {
    expect(propsError({ manifests: [namespace, manifest] })).toContain(`[test/my-vc1] ${line}`);
  });

  test('a construct, whose chart is to be added', () => {
    const { chart, cluster } = clusterWith();
    cluster.addManifests(namespace);
    cluster.addManifests(new ApiObject(new Chart(new App(), 'x'), 'y', settings));
    expect(synthesisError(App.of(chart))).toMatch(/addManifests\[1\]: is no plain object: .* charts to addChart/);
  });

  test('an object given twice, whatever its version is called and wherever it comes from', () => {
    const { chart, cluster } = clusterWith({ manifests: [{ ...settings, metadata: { name: 'web' } }] });
    cluster.addChart((scope) => new Web(scope, 'web'));
    expect(synthesisError(App.of(chart))).toContain(
      '[test/my-vc1] addChart("web")[0]: "ConfigMap web": is manifests[0], too: give each object once',
    );
    const job = (apiVersion: string) => ({ apiVersion, kind: 'CronJob', metadata: { name: 'nightly' } });
    expect(propsError({ manifests: [job('batch/v1'), job('batch/v1beta1')] })).toContain('is manifests[0], too');
  });

  test('more than a ConfigMap takes, in bytes', () => {
    const large = { ...settings, data: { text: 'ä'.repeat(500 * 1024) } };
    expect(propsError({ manifests: [large] })).toMatch(/manifests: are \d{7} bytes, more than the 921600 that fit/);
    expect(manifestsIn(synthesize({ manifests: [{ ...large, data: { text: 'a'.repeat(900_000) } }] }))).toHaveLength(1);
  });

  test('a chart of the host’s own app, which would go to the host, too', () => {
    const { chart, cluster } = clusterWith();
    cluster.addChart(new Web(App.of(chart), 'web'));
    expect(synthesisError(App.of(chart))).toContain(
      '[test/my-vc1] addChart("web"): is in the app of the host, which would get its objects, too: make it with addChart(',
    );
  });

  test('what is wrong in a chart, in the words of its own app', () => {
    const { chart, cluster } = clusterWith();
    cluster.addChart((scope) => new Web(scope, 'web')).node.addValidation({ validate: () => ['too blue'] });
    expect(synthesisError(App.of(chart))).toMatch(/addChart\("web"\): cannot be synthesized: .*\s+\[web\] too blue/);
  });

  test('a cluster whose ConfigMap has that name', () => {
    const chart = chartInTeamA();
    new VirtualCluster(chart, 'vc', { manifests: [namespace] });
    new VirtualCluster(chart, 'again', { name: 'vc', manifests: [namespace] });
    expect(synthesisError(App.of(chart))).toContain('is the name of test/vc in namespace team-a, too');
  });
});
