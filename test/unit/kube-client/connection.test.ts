import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inClusterConnection } from '../../../syncer/kube-client';
import { BearerToken } from '../../../syncer/kube-client/bearer-token';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nestling-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('in a pod, address and credentials are where the kubelet puts them', () => {
  writeFileSync(join(directory, 'ca.crt'), 'PEM');
  const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
  expect(inClusterConnection(environment, directory)).toEqual({
    server: 'https://[fd00::1]:6443',
    certificateAuthority: 'PEM',
    tokenFile: join(directory, 'token'),
  });
  expect(() => inClusterConnection({}, directory)).toThrow(/KUBERNETES_SERVICE_HOST is not set/);
  expect(() => inClusterConnection(environment, join(directory, 'none'))).toThrow(/ca.crt cannot be read/);
});

test('a token file is read again after a minute and when the server refuses the token', () => {
  const tokenFile = join(directory, 'token');
  let now = 0;
  const token = new BearerToken({ tokenFile }, () => now);
  expect(() => token.get()).toThrow(/token file .* cannot be read/);
  now += 60_000;
  writeFileSync(tokenFile, 'one\n');
  expect(token.get()).toBe('one');
  writeFileSync(tokenFile, 'two\n');
  expect(token.get()).toBe('one');
  now += 60_000;
  expect(token.get()).toBe('two');
  expect(token.refresh()).toBe(false);
  writeFileSync(tokenFile, 'three');
  expect(token.refresh()).toBe(true);
  rmSync(tokenFile);
  now += 60_000;
  expect(token.get()).toBe('three');
  expect(new BearerToken({ token: 'fixed' }).get()).toBe('fixed');
  expect(new BearerToken({}).get()).toBeUndefined();
});
