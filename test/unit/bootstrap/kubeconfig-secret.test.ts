import type { Secret } from 'kubernetes-types/core/v1';
import { parse } from 'yaml';
import { kubeconfigSecrets } from '../../../syncer/bootstrap';
import { parseConfiguration } from '../../../syncer/configuration/document';

const content = (apiServer: object, outsideServer?: string) => ({
  outsideServer,
  configuration: parseConfiguration(
    JSON.stringify({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc1' },
      apiServer,
    }),
  ),
  identity: { name: 'my-vc1', hostNamespace: 'team-a' },
  anchor: { name: 'my-vc1-anchor', uid: 'u-1' },
  ca: 'CA',
  admin: { certificate: 'CERT', key: 'KEY' },
});
/** The Secret of this name. */
function kubeconfigSecret(made: ReturnType<typeof content>, name = 'vc-my-vc1'): Secret {
  const found = kubeconfigSecrets(made).find(({ metadata }) => metadata?.name === name);
  if (found === undefined) throw new Error(`no Secret ${name}`);
  return found;
}

const serverOf = (secret: Secret, key = 'config'): string => parse(text(secret.data?.[key])).clusters[0].cluster.server;
const text = (value: string | undefined) => Buffer.from(value ?? '', 'base64').toString();

test('one context, named so that two clusters can be in one file', () => {
  const { data = {}, metadata } = kubeconfigSecret(content({}));
  expect(metadata).toMatchObject({
    name: 'vc-my-vc1',
    namespace: 'team-a',
    ownerReferences: [{ kind: 'ConfigMap', name: 'my-vc1-anchor', uid: 'u-1' }],
  });
  expect(Object.keys(metadata?.labels ?? {})).not.toContain('nestling.dev/virtual-cluster');
  expect(text(data['certificate-authority'])).toBe('CA');
  expect(text(data['client-certificate'])).toBe('CERT');
  expect(text(data['client-key'])).toBe('KEY');
  const config = parse(text(data['config']));
  expect(config['current-context']).toBe('my-vc1.team-a');
  expect(config.clusters[0].cluster).toEqual({
    server: 'https://my-vc1.team-a.svc:443',
    'certificate-authority-data': Buffer.from('CA').toString('base64'),
  });
  expect(text(config.users[0].user['client-key-data'])).toBe('KEY');
});

test('another address of the API server', () => {
  const apiServer = { kubeconfigServer: 'https://api.example.com:8443', extraNames: ['api.example.com'] };
  const { data = {} } = kubeconfigSecret(content(apiServer));
  expect(parse(text(data['config'])).clusters[0].cluster.server).toBe('https://api.example.com:8443');
});

test('outside is what the Service has, unless the configuration says it; inside stays the Service’s name', () => {
  const exposed = kubeconfigSecret(content({}, 'https://203.0.113.7:443'));
  expect(serverOf(exposed)).toBe('https://203.0.113.7:443');
  expect(serverOf(exposed, 'config-inside')).toBe('https://my-vc1.team-a.svc:443');
  const named = { kubeconfigServer: 'https://api.example.com', extraNames: ['api.example.com'] };
  expect(serverOf(kubeconfigSecret(content(named, 'https://203.0.113.7:443')))).toBe('https://api.example.com');
});

test('further Secrets have the address that each asks for', () => {
  const kubeconfigs = [
    { secretName: 'for-pods', server: 'inside' },
    { secretName: 'for-people' },
    { secretName: 'by-address', server: 'https://192.0.2.9:6443' },
  ];
  const made = content({ kubeconfigs }, 'https://203.0.113.7:443');
  expect(serverOf(kubeconfigSecret(made, 'for-pods'))).toBe('https://my-vc1.team-a.svc:443');
  expect(serverOf(kubeconfigSecret(made, 'for-people'))).toBe('https://203.0.113.7:443');
  expect(serverOf(kubeconfigSecret(made, 'by-address'))).toBe('https://192.0.2.9:6443');
  const { data = {}, metadata } = kubeconfigSecret(made, 'for-pods');
  expect(Object.keys(data)).toEqual(['config', 'certificate-authority', 'client-certificate', 'client-key']);
  expect(metadata?.ownerReferences).toMatchObject([{ name: 'my-vc1-anchor' }]);
});
