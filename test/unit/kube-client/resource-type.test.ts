import { apiVersionOf, resourcePath, resources } from '../../../syncer/kube-client';

test('paths of collections, objects and subresources', () => {
  expect(resourcePath(resources.pods)).toBe('/api/v1/pods');
  expect(resourcePath(resources.pods, { namespace: 'a' })).toBe('/api/v1/namespaces/a/pods');
  expect(resourcePath(resources.pods, { namespace: 'a', name: 'b', subresource: 'binding' })).toBe(
    '/api/v1/namespaces/a/pods/b/binding',
  );
  expect(resourcePath(resources.deployments, { namespace: 'a', name: 'b' })).toBe(
    '/apis/apps/v1/namespaces/a/deployments/b',
  );
  expect(resourcePath(resources.nodes, { name: 'n', namespace: 'ignored' })).toBe('/api/v1/nodes/n');
  expect(apiVersionOf(resources.pods)).toBe('v1');
  expect(apiVersionOf(resources.deployments)).toBe('apps/v1');
});

test('a name cannot lead to another resource', () => {
  expect(resourcePath(resources.pods, { namespace: 'a/b', name: '../c?x#y' })).toBe(
    '/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fx%23y',
  );
  for (const name of ['', '.', '..']) expect(() => resourcePath(resources.nodes, { name })).toThrow(TypeError);
  expect(() => resourcePath(resources.pods, { namespace: 'a', name: 'b', subresource: 'proxy/../log' })).toThrow(
    TypeError,
  );
  expect(() => resourcePath(resources.pods, { name: 'b' })).toThrow(/namespace is missing/);
});
