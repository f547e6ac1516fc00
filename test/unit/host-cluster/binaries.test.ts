import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../../images/cache';
import { resolveBinaries, versionDirectory } from '../../host-cluster/binaries';
import { checksumIn, releasesAllowed } from '../../host-cluster/download';
import {
  BINARIES,
  BINARY_NAMES,
  binarySource,
  KUBERNETES_MINOR,
  KUBERNETES_MINORS,
  KUBERNETES_VERSION,
} from '../../host-cluster/versions';
import type { BinarySource } from '../../host-cluster/versions';

const hash = 'ab'.repeat(32);
const other = 'cd'.repeat(32);

test('the cache is where the variables say', () => {
  expect(cacheDirectory({ NESTLING_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheDirectory({ XDG_CACHE_HOME: '/b' })).toBe('/b/nestling');
  expect(cacheDirectory({})).toMatch(/\/\.cache\/nestling$/);
});

test('two versions of a program never share a place', () => {
  expect(versionDirectory(BINARIES.etcd, '/c')).toMatch(/^\/c\/versions\/etcd-v3\.6\.5-linux-/);
  expect(versionDirectory(BINARIES.ctr, '/c')).toMatch(/^\/c\/versions\/containerd-v2\.\d+\.\d+-linux-/);
  expect(versionDirectory({ ...BINARIES.etcd, version: 'v3.6.6' }, '/c')).not.toBe(
    versionDirectory(BINARIES.etcd, '/c'),
  );
});

test('checksums are found bare and by name, and never those of another file', () => {
  expect(checksumIn(`${hash}\n`, 'kubelet')).toBe(hash);
  expect(
    checksumIn(
      `${other}  etcd-v3.6.5-linux-arm64.tar.gz\n${hash}  etcd-v3.6.5-linux-amd64.tar.gz\n`,
      'etcd-v3.6.5-linux-amd64.tar.gz',
    ),
  ).toBe(hash);
  expect(checksumIn(`${hash} *coredns.tgz`, 'coredns.tgz')).toBe(hash);
  expect(checksumIn(`${hash}  other.tgz`, 'coredns.tgz')).toBeUndefined();
  expect(checksumIn('<html>Not found</html>', 'kubelet')).toBeUndefined();
});

test('every release has an address for its checksum on the same host', () => {
  for (const name of BINARY_NAMES) {
    const { release } = BINARIES[name] as BinarySource;
    if (!release) continue;
    expect(release.path('linux', 'arm64')).toMatch(/^\/.*arm64/);
    expect(release.checksumPath('linux', 'arm64')).toMatch(/^\//);
  }
  expect(BINARIES.kubelet.release?.checksumPath('linux', 'amd64')).toBe(
    '/release/v1.37.2/bin/linux/amd64/kubelet.sha256',
  );
});

test('an API server can be had in several minors, each with its version in its address and in the program itself', () => {
  for (const [minor, version] of Object.entries(KUBERNETES_MINORS)) {
    const source = binarySource('kube-apiserver', minor as keyof typeof KUBERNETES_MINORS);
    expect(source.version).toBe(version);
    expect(version).toMatch(new RegExp(`^v${minor}\\.\\d+$`));
    expect(source.release?.path('linux', 'amd64')).toBe(`/release/${version}/bin/linux/amd64/kube-apiserver`);
    expect(source.linkVariables).toMatchObject({ 'k8s.io/component-base/version.gitMinor': minor.split('.')[1] });
  }
  expect(KUBERNETES_MINORS[KUBERNETES_MINOR]).toBe(KUBERNETES_VERSION);
  expect(binarySource('kube-apiserver')).toBe(BINARIES['kube-apiserver']);
  // One store goes with all of them.
  expect(binarySource('etcd', '1.35')).toBe(BINARIES.etcd);
});

test('downloads can be switched off', () => {
  expect(releasesAllowed({ NESTLING_DOWNLOAD: 'off' })).toBe(false);
  expect(releasesAllowed({})).toBe(true);
});

describe('NESTLING_BINARIES', () => {
  const before = process.env['NESTLING_BINARIES'];
  const folder = mkdtempSync(join(tmpdir(), 'nestling-binaries-'));
  afterAll(() => {
    if (before === undefined) delete process.env['NESTLING_BINARIES'];
    else process.env['NESTLING_BINARIES'] = before;
    rmSync(folder, { recursive: true });
  });

  test('comes before the cache', async () => {
    writeFileSync(join(folder, 'kubectl'), '#!/bin/sh\n');
    chmodSync(join(folder, 'kubectl'), 0o755);
    process.env['NESTLING_BINARIES'] = folder;
    const silent = jest.fn();
    expect(await resolveBinaries(['kubectl'], silent)).toEqual({ kubectl: join(folder, 'kubectl') });
    expect(silent).not.toHaveBeenCalled();
  });

  test('has a folder for each other minor: a program beside it is of no known version', async () => {
    for (const directory of [folder, join(folder, '1.35')]) {
      mkdirSync(directory, { recursive: true });
      for (const name of ['kube-apiserver', 'etcd']) {
        writeFileSync(join(directory, name), '#!/bin/sh\n');
        chmodSync(join(directory, name), 0o755);
      }
    }
    process.env['NESTLING_BINARIES'] = folder;
    const log = jest.fn();
    expect(await resolveBinaries(['kube-apiserver', 'etcd'], log, undefined, '1.35')).toEqual({
      'kube-apiserver': join(folder, '1.35', 'kube-apiserver'),
      etcd: join(folder, 'etcd'),
    });
    expect(log).not.toHaveBeenCalled();
  });

  test('must exist', async () => {
    process.env['NESTLING_BINARIES'] = '/nonexistent/folder';
    await expect(resolveBinaries(['kubectl'], () => undefined)).rejects.toThrow(
      'the folder /nonexistent/folder that NESTLING_BINARIES names does not exist; name one that has the binaries',
    );
  });
});
