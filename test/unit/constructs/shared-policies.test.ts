import { App, Chart, Testing } from 'cdk8s';
import { HostNodes, IngressSync, NodeSyncPolicy, VirtualCluster } from '../../../constructs';
import { chartInTeamA, find, synthesisError, synthesize, type Manifest } from './synthesized';

const POOL = { 'example.org/pool': 'gpu' };

function kinds(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind);
}

describe('a NodeSyncPolicy that clusters share', () => {
  function shared(nodes: HostNodes, name?: string): Manifest[] {
    const chart = chartInTeamA();
    const policy = new NodeSyncPolicy(chart, 'gpu', { nodes, ...(name === undefined ? {} : { name }) });
    for (const id of ['one', 'two']) new VirtualCluster(chart, id, { sync: { fromHost: { nodes: policy } } });
    return Testing.synth(chart) as Manifest[];
  }

  test('makes one ClusterRole, which each cluster is bound to by a binding of its own', () => {
    const manifests = shared(HostNodes.inUse(), 'gpu-nodes');
    expect(kinds(manifests, 'ClusterRole')).toHaveLength(1);
    expect(find(manifests, 'ClusterRole', 'gpu-nodes')).toMatchObject({
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }],
    });
    for (const name of ['one', 'two']) {
      expect(find(manifests, 'ClusterRoleBinding', `vcluster-nodes-x-team-a-x-${name}`)).toMatchObject({
        roleRef: { kind: 'ClusterRole', name: 'gpu-nodes' },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'team-a' }],
      });
    }
    expect(kinds(manifests, 'ValidatingAdmissionPolicy')).toEqual([]);
  });

  test('gives the syncer the same settings as the value for one cluster', () => {
    const data = (manifests: readonly Manifest[]) => find(manifests, 'ConfigMap', 'one-configuration')['data'];
    const nodes = HostNodes.matching(POOL, { enforce: true });
    expect(data(shared(nodes))).toEqual(
      data(synthesize({ sync: { fromHost: { nodes: NodeSyncPolicy.nodesMatching(POOL, { enforce: true }) } } }, 'one')),
    );
  });

  test('that enforces has the host refuse pods of its clusters’ syncers that may run elsewhere', () => {
    const manifests = shared(HostNodes.matching(POOL, { enforce: true }), 'gpu-nodes');
    expect(find(manifests, 'ValidatingAdmissionPolicy', 'gpu-nodes')).toMatchObject({
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [{ resources: ['pods'], operations: ['CREATE'] }] },
        validations: [{ expression: expect.stringContaining('object.spec.nodeSelector["example.org/pool"] == "gpu"') }],
      },
    });
    expect(find(manifests, 'ValidatingAdmissionPolicyBinding', 'vcluster-nodes-x-team-a-x-two')).toMatchObject({
      spec: {
        policyName: 'gpu-nodes',
        validationActions: ['Deny'],
        paramRef: { name: 'two', namespace: 'team-a' },
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team-a' } } },
      },
    });
  });

  test('has a name from its path unless it is given one', () => {
    const [role] = kinds(shared(HostNodes.all()), 'ClusterRole');
    expect(role?.metadata.name).toMatch(/^test-gpu-[0-9a-z]+$/);
    expect(role?.metadata.namespace).toBeUndefined();
  });

  test('is checked itself, whether or not a cluster uses it', () => {
    const app = new App();
    const chart = new Chart(app, 'test');
    new NodeSyncPolicy(chart, 'a', { nodes: HostNodes.matching({}), name: 'NO' });
    new NodeSyncPolicy(chart, 'b', { nodes: HostNodes.matching({ 'no key': 'x' }) });
    expect(synthesisError(app).split('\n').slice(1)).toEqual([
      expect.stringMatching(/^ {2}\[test\/a\] name: "NO": /),
      '  [test/a] nodes.selector: {}: is empty: give labels of nodes, or set sync.fromHost.nodes.mode to all',
      '  [test/b] nodes.selector.no key: "x": is no key of a label: write NAME or PREFIX/NAME',
    ]);
  });

  test('has a name that no other construct of the app has', () => {
    const app = new App();
    const chart = new Chart(app, 'test');
    new NodeSyncPolicy(chart, 'a', { nodes: HostNodes.all(), name: 'nodes' });
    new NodeSyncPolicy(chart, 'b', { nodes: HostNodes.inUse(), name: 'nodes' });
    expect(synthesisError(app).split('\n').slice(1)).toEqual([
      '  [test/b] name: "nodes": is the name of the ClusterRole that test/a makes, too: give one of them another name',
    ]);
  });
});

describe('an IngressSync that clusters share', () => {
  test('binds each cluster to one policy of the host, and gives its syncer the rules', () => {
    const chart = chartInTeamA();
    const ingresses = new IngressSync(chart, 'ingress', {
      name: 'public',
      annotations: [{ key: 'example.org/*', action: 'drop' }],
      allowedHosts: ['shop.example.com', '*.team-a.example.com'],
      allowedClasses: ['public'],
    });
    for (const id of ['one', 'two']) new VirtualCluster(chart, id, { sync: { toHost: { ingresses } } });
    const manifests = Testing.synth(chart) as Manifest[];

    const { annotations, allowedHosts, allowedClasses } = ingresses;
    const inline = synthesize(
      { sync: { toHost: { ingresses: { annotations, allowedHosts, allowedClasses } } } },
      'one',
    );
    const map = (all: readonly Manifest[]) => find(all, 'ConfigMap', 'one-configuration')['data'];
    expect(map(manifests)).toEqual(map(inline));

    const policies = kinds(manifests, 'ValidatingAdmissionPolicy');
    expect(policies.map(({ metadata }) => metadata.name)).toEqual(['public']);
    const { validations } = policies[0]?.['spec'] as { validations: { expression: string; message: string }[] };
    expect(validations.map(({ message }) => message)).toEqual([
      'spec.defaultBackend: hosts of Ingresses must be one of shop.example.com, *.team-a.example.com',
      'spec.rules: hosts of Ingresses must be one of shop.example.com, *.team-a.example.com',
      'spec.tls: hosts of Ingresses must be one of shop.example.com, *.team-a.example.com',
      'spec.ingressClassName: classes of Ingresses must be one of public',
    ]);
    for (const { expression } of validations) expect(expression).toContain('request.userInfo.username');
    expect(kinds(manifests, 'ValidatingAdmissionPolicyBinding').map(({ metadata }) => metadata.name)).toEqual([
      'vcluster-ingresses-x-team-a-x-one',
      'vcluster-ingresses-x-team-a-x-two',
    ]);
  });

  test('makes nothing on the host where it limits nothing', () => {
    const chart = chartInTeamA();
    const ingresses = new IngressSync(chart, 'ingress', { annotations: [{ key: 'a.example/b', action: 'allow' }] });
    new VirtualCluster(chart, 'one', { sync: { toHost: { ingresses } } });
    expect((Testing.synth(chart) as Manifest[]).filter(({ kind }) => kind.startsWith('Validating'))).toEqual([]);
  });

  test('is checked itself', () => {
    const app = new App();
    new IngressSync(new Chart(app, 'test'), 'ingress', { allowedHosts: ['no host'] });
    expect(synthesisError(app)).toContain('[test/ingress] allowedHosts[0]: "no host": ');
  });
});
