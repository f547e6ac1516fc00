import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { connectionOf } from '../../../cli/connected-context';
import { disconnect, mergeContext } from '../../../cli/connection';
import {
  changeKubeconfig,
  credentialsOf,
  fileForNewEntries,
  kubeconfigFiles,
  readKubeconfig,
  resolveContext,
} from '../../../cli/kubeconfig';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nestling-kubeconfig-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o644 });
  return path;
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const MINE = `# work
apiVersion: v1
kind: Config
preferences: {colors: true}
clusters:
- name: dev # of the team
  cluster: {server: "https://dev:6443", certificate-authority-data: ${base64('dev-ca')}}
users:
- {name: jane, user: {token: secret}}
contexts:
- {name: dev, context: {cluster: dev, user: jane, namespace: team-a}}
- {name: other, context: {cluster: dev, user: jane}}
current-context: dev
x-unknown: 7
`;

describe('which files', () => {
  test('the flag, else those of KUBECONFIG, else the one at home', () => {
    const environment = { KUBECONFIG: '/a::/b:/a', HOME: '/home/jane' };
    expect(kubeconfigFiles('/flag', environment)).toEqual(['/flag']);
    expect(kubeconfigFiles(undefined, environment)).toEqual(['/a', '/b']);
    expect(kubeconfigFiles(undefined, { HOME: '/home/jane' })).toEqual(['/home/jane/.kube/config']);
  });

  test('new entries go into the first that is there, else the last', () => {
    const there = file('there', MINE);
    expect(fileForNewEntries([join(folder, 'no'), there, join(folder, 'nor')])).toBe(there);
    expect(fileForNewEntries(['/no/1', '/no/2'])).toBe('/no/2');
  });

  test('of several files the first one with an entry counts', async () => {
    const first = file(
      'first',
      'contexts: [{name: dev, context: {cluster: one}}]\nclusters: [{name: one, cluster: {server: "https://one"}}]\n',
    );
    const config = await readKubeconfig([first, join(folder, 'absent'), file('second', MINE)]);
    expect(config.currentContext).toBe('dev');
    expect(resolveContext(config).cluster.entry.server).toBe('https://one');
    expect(resolveContext(config, 'other')).toMatchObject({ name: 'other', namespace: undefined });
  });
});

describe('who one is', () => {
  const connect = async (user: string, cluster = '{server: "https://host:6443/"}') => {
    const text = `clusters: [{name: c, cluster: ${cluster}}]\nusers: [{name: u, user: ${user}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n`;
    return (await credentialsOf(resolveContext(await readKubeconfig([file('config', text)])))).connection;
  };

  test('certificates in the kubeconfig and in files beside it', async () => {
    file('key.pem', 'the key');
    const user = `{client-certificate-data: ${base64('the certificate')}, client-certificate: /ignored, client-key: key.pem}`;
    const cluster = `{server: "https://host:6443", certificate-authority-data: ${base64('the ca')}, tls-server-name: kubernetes}`;
    expect(await connect(user, cluster)).toEqual({
      server: 'https://host:6443',
      certificateAuthority: 'the ca',
      clientCertificate: 'the certificate',
      clientKey: 'the key',
      serverName: 'kubernetes',
    });
  });

  test('tokens, and files of tokens by their whole path', async () => {
    expect(await connect('{token: abc}')).toEqual({ server: 'https://host:6443', token: 'abc' });
    expect(await connect('{tokenFile: token}')).toEqual({
      server: 'https://host:6443',
      tokenFile: join(folder, 'token'),
    });
  });

  const plugin = (script: string): string => {
    chmodSync(file('plugin', `#!/bin/sh\n${script}\n`), 0o755);
    return `{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a], env: [{name: WHO, value: jane}], provideClusterInfo: true, installHint: get it from the team}}`;
  };

  test('a plugin is asked with its arguments, variables and the cluster', async () => {
    const user = plugin(
      `echo "{\\"status\\": {\\"token\\": \\"$1-$WHO-$(echo "$KUBERNETES_EXEC_INFO" | grep -c '"server":"https://host:6443')\\"}}"`,
    );
    expect(await connect(user)).toMatchObject({ token: 'a-jane-1' });
  });

  test('a plugin that fails, prints nothing of use or is not there is named', async () => {
    const failing = plugin('echo "not logged in" >&2; exit 3');
    await expect(connect(failing)).rejects.toThrow('context x: credential plugin ./plugin failed (not logged in)');
    await expect(connect(plugin('echo hello'))).rejects.toThrow('printed no JSON');
    await expect(connect(plugin('echo {}'))).rejects.toThrow('printed neither a token nor a client certificate');
    rmSync(join(folder, 'plugin'));
    await expect(connect(failing)).rejects.toThrow('credential plugin ./plugin is not there: get it from the team');
  });

  test.each([
    ['{username: a, password: b}', '{server: "https://h"}', 'username and password is not supported: use a token'],
    ['{as: root}', '{server: "https://h"}', 'impersonation (as) is not supported'],
    [
      '{auth-provider: {name: gcp}}',
      '{server: "https://h"}',
      'auth-provider gcp is not supported: use the exec plugin',
    ],
    ['{}', '{server: "https://h", insecure-skip-tls-verify: true}', 'insecure-skip-tls-verify: true is not supported'],
    ['{}', '{server: "https://h", proxy-url: "http://p"}', 'proxy-url is not supported'],
    ['{}', '{}', 'its cluster has no server'],
    [
      `{client-certificate-data: ${base64('c')}}`,
      '{server: "https://h"}',
      'has a client-certificate and no client-key',
    ],
    [
      '{client-key: nope, client-certificate: nope}',
      '{server: "https://h"}',
      /client-certificate .*nope, which kubeconfig .* cannot be read/,
    ],
  ])('%s with %s is refused', async (user, cluster, message) => {
    await expect(connect(user, cluster)).rejects.toThrow(message);
  });

  test('a file that is no kubeconfig, and contexts that lead nowhere, are named', async () => {
    await expect(readKubeconfig([file('a', 'a: [')])).rejects.toThrow(/^kubeconfig .*\/a cannot be read \(/);
    await expect(readKubeconfig([file('b', '- 1\n')])).rejects.toThrow(/b is no mapping/);
    await expect(readKubeconfig([join(folder, 'c')], true)).rejects.toThrow(
      /c is not there: name another one with --kubeconfig/,
    );
    const config = await readKubeconfig([file('d', 'contexts: [{name: x, context: {cluster: y}}]\n')]);
    expect(() => resolveContext(config)).toThrow(/has no current context: choose one of: x/);
    expect(() => resolveContext(config, 'x')).toThrow(/context x of .* names cluster "y", which is not there/);
  });
});

describe('a connection', () => {
  const credentials = {
    server: 'https://127.0.0.1:7777',
    certificateAuthority: 'ca',
    clientCertificate: 'certificate',
    clientKey: 'key',
  };
  const connect = async (files: string[], cluster: string): Promise<void> =>
    mergeContext(
      await readKubeconfig(files),
      credentials,
      { cluster, namespace: 'team-a', parent: 'dev' },
      `nestling_${cluster}_team-a_dev`,
    );
  const leave = async (files: string[], cluster: string) =>
    disconnect({ kubeconfig: await readKubeconfig(files) }, `nestling_${cluster}_team-a_dev`);

  test('is added to what is there, comments too, becomes current, and goes without a trace', async () => {
    const path = file('config', MINE);
    await connect([path], 'vc');
    const text = readFileSync(path, 'utf8');
    const config = await readKubeconfig([path]);
    expect(config.currentContext).toBe('nestling_vc_team-a_dev');
    expect([...config.contexts.keys()]).toEqual(['dev', 'other', 'nestling_vc_team-a_dev']);
    expect(connectionOf(config.contexts.get('nestling_vc_team-a_dev')?.entry)).toEqual({
      cluster: 'vc',
      namespace: 'team-a',
      parent: 'dev',
      previous: 'dev',
    });
    const { connection } = await credentialsOf(resolveContext(config));
    expect(connection).toEqual(credentials);
    expect(text).toContain('# of the team');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await leave([path], 'vc')).toMatchObject({ removed: true, current: 'dev' });
    expect(parse(readFileSync(path, 'utf8'))).toEqual(parse(MINE));
    expect(readdirSync(folder)).toEqual(['config']);
  });

  test('made twice is there once, and leads back to what was before the first', async () => {
    const path = file('config', MINE);
    await connect([path], 'one');
    const once = readFileSync(path, 'utf8');
    await connect([path], 'one');
    expect(readFileSync(path, 'utf8')).toBe(once);
    await connect([path], 'two');
    expect(await leave([path], 'one')).toMatchObject({ current: 'nestling_two_team-a_dev' });
    expect(await leave([path], 'two')).toMatchObject({ current: 'dev' });
    expect(parse(readFileSync(path, 'utf8'))).toEqual(parse(MINE));
    expect(await leave([path], 'two')).toMatchObject({ removed: false, current: 'dev', stopped: false });
  });

  test('without a kubeconfig makes one, in a folder that only its owner sees', async () => {
    const path = join(folder, 'kube', 'config');
    await connect([path], 'vc');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'kube')).mode & 0o777).toBe(0o700);
    expect(await leave([path], 'vc')).toMatchObject({ removed: true, current: undefined });
    expect(parse(readFileSync(path, 'utf8'))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      clusters: [],
      contexts: [],
      users: [],
    });
  });

  test('what was current and has gone since is not made current again', async () => {
    const path = file('config', MINE);
    await connect([path], 'vc');
    await changeKubeconfig(path, (change) => change.remove('contexts', 'dev'));
    expect(await leave([path], 'vc')).toMatchObject({ current: undefined });
  });

  test('a link stays a link, and a lock of another program is waited for', async () => {
    mkdirSync(join(folder, 'real'));
    const real = join(folder, 'real', 'config');
    writeFileSync(real, MINE);
    const link = join(folder, 'config');
    symlinkSync(real, link);
    // Programs that are given the link lock beside it, as kubectl does; those that are given the file lock beside that.
    for (const locked of [link, real]) {
      writeFileSync(`${locked}.lock`, '');
      let released = false;
      setTimeout(() => {
        released = true;
        rmSync(`${locked}.lock`, { force: true });
      }, 200);
      await connect([link], locked === link ? 'vc' : 'other');
      expect([locked, released]).toEqual([locked, true]);
    }
    expect(readFileSync(real, 'utf8')).toContain('nestling_vc_team-a_dev');
    expect(readdirSync(folder).sort()).toEqual(['config', 'real']);
    expect(readdirSync(join(folder, 'real'))).toEqual(['config']);
  });

  test('a file in a folder that is a link is locked once', async () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'kube'));
    writeFileSync(join(folder, 'real', 'config'), MINE);
    await connect([join(folder, 'kube', 'config')], 'vc');
    expect(readFileSync(join(folder, 'real', 'config'), 'utf8')).toContain('nestling_vc_team-a_dev');
    expect(readdirSync(join(folder, 'real'))).toEqual(['config']);
  });

  test('a change that fails leaves the file as it was, and no lock', async () => {
    const path = file('config', MINE);
    const change = changeKubeconfig(path, (kubeconfig) => {
      kubeconfig.setCurrentContext('x');
      throw new Error('no');
    });
    await expect(change).rejects.toThrow('no');
    expect(readFileSync(path, 'utf8')).toBe(MINE);
    expect(readdirSync(folder)).toEqual(['config']);
  });

  test('a folder that cannot be written is named', async () => {
    const blocked = file('blocked', '');
    await expect(connect([join(blocked, 'config')], 'vc')).rejects.toThrow(/^kubeconfig .* cannot be made \(/);
  });
});
