import { ApiError } from '../../../syncer/kube-client';
import { CertificatesAPI } from '../../../syncer/kinds/certificates-api';

const TYPES = ['v1', 'v1beta1'].map((version) => ({
  group: 'certificates.k8s.io',
  version,
  resource: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
}));

/** An API server that serves these resources at these paths, and counts what it is asked. */
function server(served: Record<string, readonly string[]>) {
  const asked: string[] = [];
  return {
    asked,
    getText(path: string): Promise<string> {
      asked.push(path);
      const names = served[path];
      return names === undefined
        ? Promise.reject(new ApiError({ status: 404, reason: 'NotFound', message: 'not found' }))
        : Promise.resolve(JSON.stringify({ resources: names.map((name) => ({ name })) }));
    },
  };
}

test('the first version that is served is taken, and not asked for again', async () => {
  const virtual = server({
    '/apis/certificates.k8s.io/v1': ['certificatesigningrequests'],
    '/apis/certificates.k8s.io/v1beta1': ['clustertrustbundles'],
  });
  const api = new CertificatesAPI(virtual);
  expect(await Promise.all([api.served(TYPES), api.served(TYPES)])).toEqual([TYPES[1], TYPES[1]]);
  expect(await api.served(TYPES)).toEqual(TYPES[1]);
  expect(virtual.asked).toEqual(['/apis/certificates.k8s.io/v1', '/apis/certificates.k8s.io/v1beta1']);
});

test('that none is served is known for a while, however many pods ask', async () => {
  const virtual = server({});
  const api = new CertificatesAPI(virtual);
  expect(await api.served(TYPES)).toBeUndefined();
  expect(await api.served(TYPES)).toBeUndefined();
  expect(virtual.asked).toHaveLength(2);
});

test('a failure says nothing, and the next call asks again', async () => {
  const served = server({ '/apis/certificates.k8s.io/v1': ['clustertrustbundles'] });
  let failures = 1;
  const api = new CertificatesAPI({
    getText: (path) => (failures-- > 0 ? Promise.reject(new Error('lost')) : served.getText(path)),
  });
  await expect(api.served(TYPES)).rejects.toThrow('lost');
  expect(await api.served(TYPES)).toEqual(TYPES[0]);
});
