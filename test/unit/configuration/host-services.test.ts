import { ConfigurationError } from '../../../syncer/configuration';
import { resolveConfiguration } from '../../../syncer/configuration/document';

const resolve = (hostServices?: object) =>
  resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: 'vc' },
    ...(hostServices && { hostServices }),
  }).hostServices;

/** The problems of a configuration, as `field: message`. */
function problems(hostServices: object): readonly string[] {
  try {
    resolve(hostServices);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

const shown = (host: object, virtual: object = { namespace: 'default', name: 'db' }) => ({ host, virtual });
const published = (name: string, virtual: object = { namespace: 'shop', name: 'web' }) => ({ virtual, host: { name } });

test('without any, no name is known on the other side', () => {
  expect(resolve()).toEqual({ toVirtual: [], toHost: [] });
});

test('names of both directions are taken as they are; a headless Service has to be asked for', () => {
  expect(resolve({ toVirtual: [shown({ namespace: 'data', name: 'db' })], toHost: [published('shop')] })).toEqual({
    toVirtual: [{ ...shown({ namespace: 'data', name: 'db' }), headless: false }],
    toHost: [published('shop')],
  });
  // One Service of the tenant can have several names.
  expect(problems({ toHost: [published('shop'), published('shop-too')] })).toEqual([]);
});

test.each([
  [{ toVirtual: [shown({ namespace: 'Data', name: 'db' })] }, 'hostServices.toVirtual[0].host.namespace: is no name'],
  [{ toVirtual: [shown({ name: 'd.b' })] }, 'hostServices.toVirtual[0].host.name: is no DNS label'],
  [
    { toVirtual: [shown({ name: 'db' }, { name: 'db' })] },
    'hostServices.toVirtual[0].virtual.namespace: is missing: give a string',
  ],
  [{ toHost: [published('Shop')] }, 'hostServices.toHost[0].host.name: is no DNS label'],
  [{ toHost: [published('web-x-shop')] }, 'hostServices.toHost[0].host.name: contains "-x-"'],
  [{ toHost: [published('vc')] }, 'hostServices.toHost[0].host.name: is a Service of the control plane itself'],
  [{ toHost: [published('vc-store')] }, 'hostServices.toHost[0].host.name: is a Service of the control plane itself'],
  [{ toVirtual: [shown({ name: 'vc' })] }, 'hostServices.toVirtual[0].host: is a Service of the control plane itself'],
  [
    { toVirtual: [shown({ name: 'db' }, { namespace: 'kube-system', name: 'kube-dns' })] },
    'hostServices.toVirtual[0].virtual: is a Service that the virtual cluster has by itself',
  ],
  [
    { toHost: [published('api', { namespace: 'default', name: 'kubernetes' })] },
    'hostServices.toHost[0].virtual: is a Service of the virtual cluster itself',
  ],
  [
    { toVirtual: [shown({ name: 'a' }), shown({ name: 'b' })] },
    'hostServices.toVirtual[1].virtual: stands for another Service of the host already',
  ],
  [
    { toVirtual: [shown({ name: 'a' }), shown({ name: 'a' }, { namespace: 'default', name: 'again' })] },
    'hostServices.toVirtual[1].host: has a name in the virtual cluster already',
  ],
  [
    { toHost: [published('a'), published('a', { namespace: 'shop', name: 'other' })] },
    'hostServices.toHost[1].host.name: is the name of another Service of the tenant already',
  ],
  [
    { toVirtual: [shown({ name: 'db' })], toHost: [published('a', { namespace: 'default', name: 'db' })] },
    'hostServices.toHost[0].virtual: stands for a Service of the host',
  ],
])('%j is refused: %s', (hostServices, message) => {
  expect(problems(hostServices)).toEqual([expect.stringContaining(message)]);
});
