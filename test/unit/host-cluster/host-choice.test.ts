import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { existingHost } from '../../host-cluster/existing-host';
import { kubeconfigText, readOwnKubeconfig, writeKubeconfig } from '../../host-cluster/kubeconfig';
import { checkSystem } from '../../host-cluster/prerequisites';
import { chooseHostKind } from '../../host-cluster/resolve-host';

describe('which kind of host', () => {
  test('a real node unless another is asked for', () => {
    expect(chooseHostKind({}, {})).toBe('node');
    expect(chooseHostKind({}, { KUBECONFIG: '/some/production' })).toBe('node');
    expect(chooseHostKind({}, { KUBECONFIG: '/k', NESTLING_HOST_CONTEXT: 'kind-dev' })).toBe('existing');
    expect(chooseHostKind({}, { NESTLING_HOST: 'existing' })).toBe('existing');
    expect(chooseHostKind({}, { NESTLING_HOST: 'node', NESTLING_HOST_CONTEXT: 'kind-dev' })).toBe('node');
    expect(chooseHostKind({ context: 'x' }, { NESTLING_HOST: 'node' })).toBe('existing');
    expect(chooseHostKind({ kind: 'node', context: 'x' }, {})).toBe('node');
  });

  test('a wrong word is refused', () => {
    expect(() => chooseHostKind({}, { NESTLING_HOST: 'kind' })).toThrow(
      'NESTLING_HOST is "kind"; set it to node or existing, or unset it',
    );
  });
});

test('what no installation can mend is one sentence with its remedy', () => {
  expect(() => checkSystem('darwin', 0)).toThrow(
    'a real node needs Linux and this is darwin; run it on a Linux machine',
  );
  expect(() => checkSystem('linux', 1000)).toThrow(
    'a real node needs root and this is user 1000; run the command with sudo',
  );
  expect(() => checkSystem('linux', 0)).not.toThrow();
});

describe('an existing cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nestling-kubeconfig-'));
  const kubeconfig = join(directory, 'config');
  const connection = {
    server: 'https://127.0.0.1:1',
    certificateAuthority: 'CA',
    clientCertificate: 'CERT',
    clientKey: 'KEY',
  };
  beforeAll(() => writeKubeconfig(kubeconfig, 'far', connection));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('a kubeconfig of ours is read back as it was written', () => {
    expect(readOwnKubeconfig(kubeconfig)).toEqual(connection);
    expect(kubeconfigText('a', { server: 'https://x', token: 't' })).toContain('token: t');
  });

  test('that does not exist', async () => {
    await expect(existingHost({ kubeconfig: '/nonexistent' })).rejects.toThrow(
      'kubeconfig /nonexistent does not exist; name one in KUBECONFIG',
    );
  });

  test('with a context that the file does not have', async () => {
    await expect(existingHost({ kubeconfig, context: 'near' })).rejects.toThrow(
      `kubeconfig ${kubeconfig} has no context "near"; set NESTLING_HOST_CONTEXT to one of: far`,
    );
  });

  test('that cannot be reached', async () => {
    const file = join(directory, 'unreachable');
    writeKubeconfig(file, 'gone', { server: 'https://127.0.0.1:1', token: 'secret' });
    await expect(existingHost({ kubeconfig: file })).rejects.toThrow(
      `host cluster https://127.0.0.1:1 (context gone of ${file}) does not answer (ECONNREFUSED); start it`,
    );
  });

  test('whose file is no kubeconfig', async () => {
    const file = join(directory, 'other');
    writeFileSync(file, '[');
    await expect(existingHost({ kubeconfig: file })).rejects.toThrow(`kubeconfig ${file} cannot be read`);
  });
});
