import { App, Chart } from 'cdk8s';
import type { Role } from 'kubernetes-types/rbac/v1';
import { VirtualCluster } from '../../../constructs';
import { parseConfiguration } from '../../../syncer/configuration/document';
import { find, type Manifest, propsError, synthesisError, synthesize } from './synthesized';

function documentOf(manifests: readonly Manifest[]) {
  const { data } = find(manifests, 'ConfigMap', 'my-vc1-configuration') as unknown as { data: Record<string, string> };
  return parseConfiguration(data['configuration.yaml'] ?? '');
}

const rolesIn = (manifests: readonly Manifest[], namespace: string): Role[] =>
  manifests.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace) as unknown as Role[];

const db = { namespace: 'default', name: 'db' };
const web = { namespace: 'shop', name: 'web' };

test('the syncer is told the names, and may read those Services of other namespaces alone', () => {
  const manifests = synthesize({
    hostServices: {
      toVirtual: [
        { host: { namespace: 'data', name: 'postgres' }, virtual: db },
        { host: { namespace: 'data', name: 'redis' }, virtual: { namespace: 'default', name: 'cache' } },
        { host: { name: 'neighbour' }, virtual: { namespace: 'default', name: 'neighbour' } },
      ],
      toHost: [{ virtual: web, host: { name: 'shop-web' } }],
    },
  });
  const { hostServices } = documentOf(manifests);
  expect(hostServices.toVirtual.map(({ host }) => host.name)).toEqual(['postgres', 'redis', 'neighbour']);
  expect(hostServices.toHost).toEqual([{ virtual: web, host: { name: 'shop-web' } }]);
  const [role, ...more] = rolesIn(manifests, 'data');
  expect(more).toEqual([]);
  expect(role?.rules).toEqual([
    { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'], resourceNames: ['postgres', 'redis'] },
  ]);
  expect(manifests.filter(({ kind }) => kind === 'ClusterRole')).toEqual([]);
  expect(synthesize().filter(({ kind }) => kind === 'Role')).toHaveLength(1);
});

test('one that may be headless brings the right to read the endpoints of its namespace', () => {
  const host = { namespace: 'data', name: 'postgres' };
  const manifests = synthesize({ hostServices: { toVirtual: [{ host, virtual: db, headless: true }] } });
  expect(rolesIn(manifests, 'data')[0]?.rules).toContainEqual({
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    verbs: ['get', 'list', 'watch'],
  });
  const own = synthesize({
    hostServices: { toVirtual: [{ host: { name: 'postgres' }, virtual: db, headless: true }] },
    sync: { toHost: { endpointSlices: { enabled: false } } },
  });
  expect(find(own, 'Role', 'my-vc1')['rules']).toContainEqual({
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    verbs: ['get', 'list', 'watch'],
  });
});

test('a wrong name is told with its property, value and remedy', () => {
  const text = propsError({ hostServices: { toHost: [{ virtual: web, host: { name: 'my-vc1' } }] } });
  expect(text).toContain('hostServices.toHost[0].host.name');
  expect(text).toContain('"my-vc1"');
  expect(text).toContain('choose another name');
});

test('two clusters of one namespace cannot publish under one name', () => {
  const app = new App();
  const hostServices = { toHost: [{ virtual: web, host: { name: 'shop-web' } }] };
  new VirtualCluster(new Chart(app, 'one', { namespace: 'team-a' }), 'first', { hostServices });
  new VirtualCluster(new Chart(app, 'elsewhere', { namespace: 'team-b' }), 'third', { hostServices });
  expect(() => app.synthYaml()).not.toThrow();
  new VirtualCluster(new Chart(app, 'two', { namespace: 'team-a' }), 'second', { hostServices });
  const text = synthesisError(app);
  expect(text).toContain(
    '[two/second] hostServices.toHost[0].host.name: "shop-web": is the name of a Service that one/first makes in namespace team-a: choose another name',
  );
  expect(text).not.toContain('third');
});

test('the control plane’s own Service of another cluster cannot be published over', () => {
  const app = new App();
  new VirtualCluster(new Chart(app, 'one', { namespace: 'team-a' }), 'first');
  const hostServices = { toHost: [{ virtual: web, host: { name: 'first' } }] };
  new VirtualCluster(new Chart(app, 'two', { namespace: 'team-a' }), 'second', { hostServices });
  expect(synthesisError(app)).toContain('hostServices.toHost[0].host.name');
});
