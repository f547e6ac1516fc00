import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AnyObject } from '../../../syncer/kube-client';
import { resolveConfiguration } from '../../../syncer/configuration/document';
import { POD_LAYOUT } from '../../../syncer/pki/api-server-configuration';
import { controlPlaneFiles } from '../../../syncer/pki/control-plane-files';
import { Material } from '../../../syncer/pki/material';
import { writeFiles } from '../../../syncer/pki/write-files';

const material = new Material(new Map());
material.complete(new Date());
const configuration = resolveConfiguration({
  apiVersion: 'nestling.dev/v1alpha1',
  kind: 'SyncerConfiguration',
  virtualCluster: { name: 'my-vc1' },
});
const files = controlPlaneFiles(material, { certificate: 'CERT', key: 'KEY' }, POD_LAYOUT, configuration);

const configurationOf = (version: string) => ({
  ...configuration,
  virtualCluster: { ...configuration.virtualCluster, version },
});

describe('the Service webhook', () => {
  const of = (version: string) =>
    controlPlaneFiles(material, { certificate: 'CERT', key: 'KEY' }, POD_LAYOUT, configurationOf(version));

  test.each(['1.36.3', '1.37.2'])('is a file of the API server in %s', (version) => {
    const { plugins } = parse(of(version).get('kube-apiserver/admission.yaml') ?? '') as { plugins: unknown[] };
    expect(plugins).toMatchObject([{ configuration: { staticManifestsDir: '/etc/nestling/admission' } }]);
    const manifest = parse(of(version).get('kube-apiserver/admission/service.yaml') ?? '') as AnyObject;
    expect(manifest.metadata?.name).toBe('services.nestling.dev.static.k8s.io');
    expect(of(version).has('syncer/service-webhook.json')).toBe(false);
  });

  test('is for the syncer to make in 1.35, whose API server knows no such files', () => {
    const { plugins } = parse(of('1.35.4').get('kube-apiserver/admission.yaml') ?? '') as { plugins: unknown[] };
    expect(plugins).toEqual([]);
    expect(of('1.35.4').has('kube-apiserver/admission/service.yaml')).toBe(false);
    const webhook = JSON.parse(of('1.35.4').get('syncer/service-webhook.json') ?? '') as AnyObject;
    expect(webhook.metadata?.name).toBe('services.nestling.dev');
  });
});

test('each container finds what its flags name, and no key more', () => {
  const of = (container: string) =>
    [...files.keys()]
      .filter((path) => path.startsWith(`${container}/`))
      .map((path) => path.slice(container.length + 1))
      .sort();
  expect(of('etcd')).toEqual(['ca.crt', 'server.crt', 'server.key']);
  expect(of('kube-apiserver')).toEqual([
    'admission.yaml',
    'admission/service.yaml',
    'authentication.yaml',
    'ca.crt',
    'egress-selector.yaml',
    'etcd-ca.crt',
    'etcd-client.crt',
    'etcd-client.key',
    'front-proxy-ca.crt',
    'front-proxy-client.crt',
    'front-proxy-client.key',
    'kubelet-ca.crt',
    'kubelet-client.crt',
    'kubelet-client.key',
    'sa.key',
    'sa.pub',
    'server.crt',
    'server.key',
  ]);
  expect(of('kube-controller-manager')).toEqual([
    'ca.crt',
    'ca.key',
    'client.crt',
    'client.key',
    'front-proxy-ca.crt',
    'kubeconfig',
    'sa.key',
  ]);
  expect(of('syncer')).toEqual([
    'admin.crt',
    'admin.key',
    'admission-path',
    'admission.crt',
    'admission.key',
    'ca.crt',
    'client.crt',
    'client.key',
    'configuration.json',
    'etcd-ca.crt',
    'etcd-client.crt',
    'etcd-client.key',
    'front-proxy-ca.crt',
    'kubelet-ca.crt',
    'kubelet-ca.key',
    'kubelet-client-ca.crt',
  ]);
});

test('a scheduler has its own certificate where the virtual cluster has one, and no files where it has none', () => {
  const inside = controlPlaneFiles(material, { certificate: 'CERT', key: 'KEY' }, POD_LAYOUT, {
    ...configuration,
    scheduling: { scheduler: 'virtual' },
  });
  const of = (all: ReadonlyMap<string, string>) => [...all.keys()].filter((path) => path.startsWith('kube-scheduler/'));
  expect(of(files)).toEqual([]);
  expect(of(inside).sort()).toEqual([
    'kube-scheduler/client.crt',
    'kube-scheduler/client.key',
    'kube-scheduler/kubeconfig',
  ]);
  const { users } = parse(inside.get('kube-scheduler/kubeconfig')!) as { users: { user: object }[] };
  expect(users[0]?.user).toEqual({ 'client-certificate': 'client.crt', 'client-key': 'client.key' });
  const { subject } = new X509Certificate(inside.get('kube-scheduler/client.crt')!);
  expect(subject).toBe('CN=system:kube-scheduler');
});

test('the syncer gets the configuration with its defaults', () => {
  expect(JSON.parse(files.get('syncer/configuration.json')!)).toEqual(configuration);
  expect(configuration.dns.enabled).toBe(true);
});

test('the API server and the syncer agree on the webhook', () => {
  const { webhooks } = parse(files.get('kube-apiserver/admission/service.yaml')!);
  expect(webhooks[0].clientConfig.url).toBe(`https://127.0.0.1:9443/${files.get('syncer/admission-path')}/services`);
  expect(Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString()).toBe(material.get('admission-ca.crt'));
});

describe('writing files', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'nestling-files-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('readable by the group, nobody else, and replaced as a whole', async () => {
    writeFileSync(join(directory, 'x'), 'old', { mode: 0o600 });
    const umask = process.umask(0o077);
    try {
      await writeFiles(
        directory,
        new Map([
          ['x', 'new'],
          ['a/b/y', 'deep'],
        ]),
      );
    } finally {
      process.umask(umask);
    }
    expect(readFileSync(join(directory, 'x'), 'utf8')).toBe('new');
    expect(statSync(join(directory, 'x')).mode & 0o777).toBe(0o640);
    expect(statSync(join(directory, 'a/b/y')).mode & 0o777).toBe(0o640);
    expect(readdirSync(directory).sort()).toEqual(['a', 'x']);
  });

  test('a folder in the way is named, and nothing is left', async () => {
    mkdirSync(join(directory, 'a'));
    await expect(writeFiles(directory, new Map([['a', 'file']]))).rejects.toThrow(
      `${join(directory, 'a')} cannot be written: `,
    );
    expect(readdirSync(directory).sort()).toEqual(['a']);
  });
});
