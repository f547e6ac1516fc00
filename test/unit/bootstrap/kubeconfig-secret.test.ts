import { parse } from 'yaml';
import { kubeconfigSecret } from '../../../syncer/bootstrap';
import { parseConfiguration } from '../../../syncer/configuration/document';

const content = (apiServer: object) => ({
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
