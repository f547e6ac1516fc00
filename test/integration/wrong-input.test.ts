import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { ApiServerOptions, RunningApiServer } from '../host-cluster';
import { HostCluster, startApiServer } from '../host-cluster';
import { kubeconfigText } from '../host-cluster/kubeconfig';
import { runCommand, task } from '../run-command';
import type { CommandResult } from '../run-command';

const ROOT = join(__dirname, '..', '..');
const SYNTH = 'tasks/synth/main.ts';
const DEMO = 'tasks/demo/main.ts';
const HOST = 'test/host-cluster/main.ts';

/** The one error of a failed command, without its `error: `. */
function onlyError({ exitCode, stdout, stderr }: CommandResult): string {
  expect(exitCode).not.toBe(0);
  const lines = `${stdout}\n${stderr}`.split('\n');
  const errors = lines.filter((line) => /error/i.test(line));
  expect(errors).toEqual([expect.stringMatching(/^error: /)]);
  expect(lines.filter((line) => /^\s+at .*[:)]/.test(line))).toEqual([]);
  return errors[0]?.slice('error: '.length) ?? '';
}

let directory: string;
beforeAll(() => {
  // Inside the repository, where the app finds the packages.
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  directory = mkdtempSync(join(ROOT, 'build', 'wrong-input-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('an app with a wrong cluster writes no manifest and tells one error', () => {
  let count = 0;

  async function synthesize(declarations: string): Promise<{ result: CommandResult; output: string }> {
    const app = join(directory, `app-${++count}.ts`);
    const output = join(directory, `output-${count}`);
    writeFileSync(
      app,
      `import { App, Chart } from 'cdk8s';
       import { KubernetesVersion, VirtualCluster } from '../../constructs';
       const app = new App();
       const chart = new Chart(app, 'tenants', { namespace: 'team-a' });
       ${declarations}
       void [KubernetesVersion, VirtualCluster, chart];
       app.synth();`,
    );
    const command = `node --import tsx ${relative(ROOT, app)}`;
    return { result: await runCommand(task(SYNTH, '--app', command, '--output', output)), output };
  }

  test('(a right one writes its manifests)', async () => {
    const { result, output } = await synthesize(`new VirtualCluster(chart, 'vc');`);
    expect(result).toMatchObject({ exitCode: 0, stdout: `${output}/tenants.k8s.yaml\n` });
    expect(readdirSync(output)).toEqual(['tenants.k8s.yaml']);
  });

  test.each([
    [
      'an unknown version',
      `new VirtualCluster(chart, 'vc', { version: KubernetesVersion.of('1.99.0') });`,
      '[tenants/vc] version: "1.99.0": is not a version that this release runs: choose one of 1.35.4, 1.36.3, 1.37.2',
    ],
    [
      'a name too long for its longest child name',
      `new VirtualCluster(chart, '${'v'.repeat(53)}');`,
      new RegExp(
        `^\\[tenants/v{53}\\] name: "v{53}": has 53 characters, .*longest child name.* 64 of at most 63; choose a name of at most 52 characters$`,
      ),
    ],
    [
      'two clusters of one name in a namespace',
      `new VirtualCluster(chart, 'vc');
       new VirtualCluster(new Chart(app, 'more'), 'vc', { namespace: 'team-a' });`,
      '[more/vc] name: "vc": is the name of tenants/vc in namespace team-a, too: give one of them another name or namespace',
    ],
  ])('%s', async (_, declarations, message) => {
    const { result, output } = await synthesize(declarations);
    expect(onlyError(result)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
    expect(existsSync(output)).toBe(false);
  });

  test('the manifests of an earlier run stay as they are', async () => {
    const { output } = await synthesize(`new VirtualCluster(chart, 'vc');`);
    const before = readdirSync(output);
    await runCommand(task(SYNTH, '--app', 'exit 1', '--output', output));
    expect(readdirSync(output)).toEqual(before);
  });

  test('several problems are listed under one error', async () => {
    const { result, output } = await synthesize(
      `new VirtualCluster(chart, 'vc', { version: KubernetesVersion.of('2.0.0'), podSecurity: 'none' as never });`,
    );
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(
      /^error: 2 properties of constructs are wrong:\n {2}\[tenants\/vc\] version: .*\n {2}\[tenants\/vc\] podSecurity: .*\n$/,
    );
    expect(existsSync(output)).toBe(false);
  });

  test('an app that writes nothing', async () => {
    const result = await runCommand(task(SYNTH, '--app', 'true', '--output', join(directory, 'none')));
    expect(onlyError(result)).toBe('the app wrote no manifest: true; see that it has a chart and calls app.synth()');
  });
});

describe('a host that the kubeconfig cannot reach', () => {
  const kubeconfig = (name: string, text: string): string => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };
  const demo = (file: string, environment: NodeJS.ProcessEnv = {}) =>
    runCommand(task(DEMO), { NESTLING_HOST: 'existing', KUBECONFIG: file, ...environment });

  test('nothing listens there', async () => {
    const file = kubeconfig('refused', kubeconfigText('far', { server: 'https://127.0.0.1:1', token: 't' }));
    expect(onlyError(await demo(file))).toBe(
      `host cluster https://127.0.0.1:1 (context far of ${file}) does not answer (ECONNREFUSED); ` +
        'start it, mend the kubeconfig, or set NESTLING_HOST_CONTEXT to another context',
    );
  });

  test('its name does not exist', async () => {
    const file = kubeconfig('unknown', kubeconfigText('far', { server: 'https://host.invalid', token: 't' }));
    expect(onlyError(await demo(file))).toMatch(
      /^host cluster https:\/\/host\.invalid \(context far of .*\) does not answer \((ENOTFOUND|EAI_AGAIN)\); start it, /,
    );
  });

  test('something else listens there, which never answers', async () => {
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    try {
      const server = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
      const file = kubeconfig('mute', kubeconfigText('far', { server, token: 't' }));
      expect(onlyError(await demo(file))).toContain(`${server} (context far of ${file}) does not answer (ETIMEDOUT); `);
    } finally {
      mute.close();
    }
  });

  test('there is no such file, context or kind of host', async () => {
    const missing = join(directory, 'missing');
    expect(onlyError(await demo(missing))).toBe(
      `kubeconfig ${missing} does not exist; name one in KUBECONFIG, or use a real node (Linux and root)`,
    );
    const file = kubeconfig('context', kubeconfigText('far', { server: 'https://127.0.0.1:1' }));
    expect(onlyError(await demo(file, { NESTLING_HOST_CONTEXT: 'near' }))).toBe(
      `kubeconfig ${file} has no context "near"; set NESTLING_HOST_CONTEXT to one of: far`,
    );
    expect(onlyError(await demo(file, { NESTLING_HOST: 'kind' }))).toBe(
      'NESTLING_HOST is "kind"; set it to node or existing, or unset it',
    );
  });

  test('it takes no such user', async () => {
    const server = await startApiServer();
    try {
      const { server: address, certificateAuthority } = server.connection;
      const text = kubeconfigText('far', {
        server: address,
        certificateAuthority: certificateAuthority ?? '',
        token: 'x',
      });
      expect(onlyError(await demo(kubeconfig('stranger', text)))).toMatch(
        /refuses the credentials \(status 401\); renew them or set NESTLING_HOST_CONTEXT to another context$/,
      );
    } finally {
      await server.stop();
    }
  });
});

describe('a host that refuses', () => {
  let server: RunningApiServer;
  let admin: KubeClient;
  beforeAll(async () => {
    server = await startApiServer({ controllers: ['namespace-controller'] });
    admin = new KubeClient(server.connection, { userAgent: 'nestling-test' });
  });
  afterAll(async () => {
    await admin.close();
    await server.stop();
  });

  async function demoAs(user: string): Promise<string> {
    const file = join(directory, `kubeconfig-${user}`);
    writeFileSync(file, kubeconfigText('far', server.connectionFor(user)));
    const error = onlyError(await runCommand(task(DEMO), { NESTLING_HOST: 'existing', KUBECONFIG: file }));
    const { items } = await admin.list(resources.namespaces);
    expect(items.map(({ metadata }) => metadata?.name)).not.toContain('team-a');
    return error;
  }

  test('everything', async () => {
    expect(await demoAs('stranger')).toMatch(
      /forbidden: User "stranger" cannot list resource .*; set NESTLING_HOST_CONTEXT to a context whose user is a cluster-admin$/,
    );
  });

  test('a part of what a control plane needs: the namespace goes again', async () => {
    await admin.create(resources.clusterRoles, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'some' },
      rules: [
        { apiGroups: [''], resources: ['*'], verbs: ['*'] },
        { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
      ],
    });
    await admin.create(resources.clusterRoleBindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'some' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some' },
      subjects: [{ kind: 'User', name: 'half', apiGroup: 'rbac.authorization.k8s.io' }],
    });
    expect(await demoAs('half')).toMatch(
      /forbidden: User "half" cannot patch resource .*; set NESTLING_HOST_CONTEXT to a context whose user is a cluster-admin$/,
    );
  });
});

describe('wrong arguments', () => {
  test.each([
    [DEMO, ['--bogus'], {}, "Unknown option '--bogus'; see npm run demo -- --help"],
    [SYNTH, ['--bogus'], {}, "Unknown option '--bogus'; see npm run synth -- --help"],
    [HOST, ['up', '--nodes', '99'], {}, 'nodes 99 is out of range; use a whole number from 1 to 8'],
    [HOST, ['up', '--name', 'BAD'], {}, 'name "BAD" is not a name for a host cluster; use 1 to 40 lower-case letters'],
    [HOST, ['down'], { NESTLING_HOST_NAME: 'a b' }, 'NESTLING_HOST_NAME "a b" is not a name for a host cluster; use'],
    [DEMO, [], { NESTLING_HOST_NAME: 'a b' }, 'NESTLING_HOST_NAME "a b" is not a name for a host cluster; use 1 to 40'],
    [
      HOST,
      ['up', '--name', 'wrong-input', '--network', '10.0.0.0/20'],
      {},
      'network "10.0.0.0/20" is not an IPv4 range of at least a /14 with no host bits set; use one such as 10.88.0.0/14',
    ],
    [
      HOST,
      ['up', '--name', 'wrong-input', '--image', '/nonexistent.tar'],
      {},
      /^image archive \/nonexistent\.tar .*; /,
    ],
  ])('%s %j %j', async (file, args, environment, message) => {
    const error = onlyError(await runCommand(task(file, ...args), environment));
    if (typeof message === 'string') expect(error).toContain(message);
    else expect(error).toMatch(message);
    expect(await HostCluster.leftovers('wrong-input')).toEqual([]);
  });
});

describe('an occupied port', () => {
  let occupant: Server;
  beforeAll(async () => {
    occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => occupant.close(resolve)));

  test('of a bare API server', async () => {
    const { port } = occupant.address() as AddressInfo;
    const directories = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(`nestling-api-server-${process.pid}-`));
    const before = directories();
    const options: ApiServerOptions = { port };
    await expect(startApiServer(options)).rejects.toMatchObject({
      name: 'HostClusterError',
      message:
        `port ${port} of 127.0.0.1 is not free (EADDRINUSE); ` +
        'end the program that listens there, or leave the port out to get a free one',
    });
    expect(directories()).toEqual(before);
  });
});
