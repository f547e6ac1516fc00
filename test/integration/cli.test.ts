import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event, Namespace, PersistentVolumeClaim, ResourceQuota } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { RunningApiServer } from '../host-cluster';
import { startApiServer } from '../host-cluster/api-server';
import { kubeconfigText } from '../host-cluster/kubeconfig';
import { startCommand } from '../run-command';
import type { CommandResult, RunningCommand } from '../run-command';
import { contentsOf, eventually } from '../virtual-cluster';

/** A host whose controllers run and whose pods never do: no node is there. */
let server: RunningApiServer;
let client: KubeClient;
const home = mkdtempSync(join(tmpdir(), 'nestling-cli-'));

beforeAll(async () => {
  server = await startApiServer({ name: 'cli-host', controllers: ['*'] });
  client = new KubeClient(server.connection, { userAgent: 'nestling-test' });
}, 120_000);

afterAll(async () => {
  await client?.close();
  await server?.stop();
  rmSync(home, { recursive: true, force: true });
}, 120_000);

const environment = (kubeconfig = server.kubeconfigPath): NodeJS.ProcessEnv => ({
  HOME: home,
  XDG_STATE_HOME: join(home, 'state'),
  KUBECONFIG: kubeconfig,
});
/** The command line from its sources, without a terminal. */
const start = (args: readonly string[], env = environment()): RunningCommand =>
  startCommand([process.execPath, '--import', 'tsx', 'cli/main.ts', ...args], env);
const nestling = (...args: string[]): Promise<CommandResult> => start(args).ended;
const ok = async (...args: string[]): Promise<CommandResult> => {
  const result = await nestling(...args);
  if (result.exitCode !== 0)
    throw new Error(`nestling ${args.join(' ')} ended with ${result.exitCode}: ${result.stderr}`);
  return result;
};
const namespaceIsThere = async (name: string): Promise<boolean> => {
  const { items } = await client.list<Namespace>(resources.namespaces);
  return items.some(({ metadata }) => metadata?.name === name);
};
const makeNamespace = (name: string) => client.create<Namespace>(resources.namespaces, { metadata: { name } });

test('a cluster is made, made again without harm, listed, described and deleted with its namespace', async () => {
  const first = await ok('create', 'one', '--no-wait', '--output', 'json');
  expect(JSON.parse(first.stdout)).toMatchObject({
    name: 'one',
    namespace: 'nestling-one',
    version: '1.37.2',
    created: true,
    ready: false,
  });
  const before = await client.get(resources.statefulSets, { namespace: 'nestling-one', name: 'one' });
  const again = await ok('create', 'one', '--no-wait', '--output', 'json', '--replicas', '3');
  expect(JSON.parse(again.stdout)).toMatchObject({ created: false });
  expect(again.stderr).toContain('virtual cluster nestling-one/one is there already, and stays as it is');
  const after = await client.get(resources.statefulSets, { namespace: 'nestling-one', name: 'one' });
  expect(after['spec']).toEqual(before['spec']);

  expect((await ok('list')).stdout).toMatch(
    /^NAME +NAMESPACE +STATUS +VERSION +CONNECTED +AGE\none +nestling-one +Starting +1\.37\.2 +\d+s\n$/,
  );
  const described = await ok('describe', 'one', '--output', 'json');
  expect(JSON.parse(described.stdout)).toMatchObject({
    status: 'Starting',
    replicas: { wanted: 1, ready: 0 },
    tenantPods: 0,
  });
  expect((await ok('describe', 'one')).stdout).toMatch(/^Status: +Starting, waits for pod one-0/m);

  const deleted = await ok('delete', 'one', '--output', 'json');
  expect(JSON.parse(deleted.stdout)).toMatchObject({ deleted: true, namespaceDeleted: true, keptClaims: [] });
  expect(await namespaceIsThere('nestling-one')).toBe(false);
  const gone = await nestling('delete', 'one');
  expect([gone.exitCode, gone.stderr]).toEqual([
    1,
    'error: virtual cluster one is not there (there is none): check the name, --namespace and --context\n',
  ]);
  expect((await ok('delete', 'one', '--ignore-not-found')).stdout).toBe('virtual cluster one is not there\n');
});

test('of two clusters with one name, each command means the one of its namespace, and one goes without the other', async () => {
  await Promise.all([makeNamespace('team-a'), makeNamespace('team-b')]);
  await Promise.all([
    ok('create', 'twin', '-n', 'team-a', '--no-wait', '--nodes', 'real'),
    ok('create', 'twin', '-n', 'team-b', '--no-wait', '--nodes', 'real'),
  ]);
  const either = await nestling('describe', 'twin');
  expect([either.exitCode, either.stderr]).toEqual([
    1,
    'error: virtual cluster twin is in several namespaces: choose one with --namespace: team-a, team-b\n',
  ]);
  const labelSelector = 'nestling.dev/control-plane=twin';
  expect((await client.list(resources.clusterRoles, { labelSelector })).items).toHaveLength(2);
  await ok('delete', 'twin', '-n', 'team-a');
  expect(await contentsOf(client, 'team-a')).toEqual([]);
  expect(await namespaceIsThere('team-a')).toBe(true); // it was not made by us
  expect((await client.list(resources.clusterRoles, { labelSelector })).items).toHaveLength(1);
  const left = await client.list(resources.clusterRoleBindings, { labelSelector });
  expect(left.items.map((binding) => (binding['subjects'] as { namespace: string }[])[0]?.namespace)).toEqual([
    'team-b',
  ]);
  expect(await contentsOf(client, 'team-b')).toContain('StatefulSet/twin');
  await ok('delete', 'twin', '-n', 'team-b');
});

test('Ctrl-C while it waits takes away what was made, and ends with 130', async () => {
  const run = start(['create', 'cut']);
  await run.said('waiting for pod cut-0');
  run.child.kill('SIGINT');
  const { exitCode, stderr } = await run.ended;
  expect(stderr).toContain('interrupted: taking away what was made (Ctrl-C again leaves it: ');
  expect(stderr).toMatch(/nothing of virtual cluster nestling-cut\/cut is left\nerror: interrupted\n$/);
  expect(exitCode).toBe(130);
  expect(await namespaceIsThere('nestling-cut')).toBe(false);
});

test('Ctrl-C leaves a cluster that was there before alone', async () => {
  await makeNamespace('settled');
  await ok('create', 'stays', '-n', 'settled', '--no-wait');
  const run = start(['create', 'stays', '-n', 'settled']);
  await run.said('waiting for pod stays-0');
  run.child.kill('SIGINT');
  expect((await run.ended).exitCode).toBe(130);
  expect(await contentsOf(client, 'settled')).toContain('StatefulSet/stays');
  await ok('delete', 'stays');
});

test('when time is up it says what it waits for, the last event, and how to go on', async () => {
  await makeNamespace('full');
  await client.create<ResourceQuota>(resources.resourceQuotas, {
    metadata: { name: 'no-pods', namespace: 'full' },
    spec: { hard: { pods: '0' } },
  });
  await eventually('the quota is counted', async () => {
    const quota = await client.get<ResourceQuota>(resources.resourceQuotas, { namespace: 'full', name: 'no-pods' });
    return quota.status?.hard?.['pods'] === '0';
  });
  await ok('create', 'late', '-n', 'full', '--no-wait');
  await eventually('the host says that there is no room', async () => {
    const { items } = await client.list<Event>(resources.events, { namespace: 'full' });
    return items.find(({ reason }) => reason === 'FailedCreate');
  });
  const { exitCode, stderr } = await nestling('create', 'late', '-n', 'full', '--timeout', '1');
  expect(stderr).toMatch(/^warning: StatefulSet late: FailedCreate: .*exceeded quota: no-pods/m);
  expect(stderr).toMatch(
    /go on with nestling create late -n full, or take it away with nestling delete late -n full\n/,
  );
  expect(stderr).toMatch(/^error: virtual cluster late was not ready within 1 s: it waits for pod late-0 to be made$/m);
  expect(exitCode).toBe(1);
  await ok('delete', 'late', '-n', 'full');
});

test('claims that are to be kept outlive the cluster, and lose their owners', async () => {
  await makeNamespace('keeper');
  await ok('create', 'kept', '-n', 'keeper', '--no-wait');
  const claim = await eventually(
    'the claim of the store',
    async () =>
      (await client.list<PersistentVolumeClaim>(resources.persistentVolumeClaims, { namespace: 'keeper' })).items[0],
  );
  const { stdout } = await ok('delete', 'kept', '-n', 'keeper', '--keep-claims', '--output', 'json');
  expect(JSON.parse(stdout)).toMatchObject({ keptClaims: ['data-kept-0'] });
  expect(await contentsOf(client, 'keeper')).toEqual(['PersistentVolumeClaim/data-kept-0']);
  const left = await client.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, {
    namespace: 'keeper',
    name: 'data-kept-0',
  });
  expect(left.metadata?.uid).toBe(claim.metadata?.uid);
  expect(left.metadata?.ownerReferences).toBeUndefined();
});

test('a namespace that it made stays as long as it holds something of others', async () => {
  await ok('create', 'guest', '--no-wait');
  await client.create(resources.configMaps, { metadata: { name: 'theirs', namespace: 'nestling-guest' } });
  const { stderr, stdout } = await ok('delete', 'guest', '--output', 'json');
  expect(stderr).toContain('namespace nestling-guest stays: it holds ConfigMap/theirs');
  expect(JSON.parse(stdout)).toMatchObject({ namespaceDeleted: false });
  expect(await contentsOf(client, 'nestling-guest')).toEqual(['ConfigMap/theirs']);
});

test('Ctrl-C takes no data of an earlier cluster of that name', async () => {
  await makeNamespace('again');
  await ok('create', 'old', '-n', 'again', '--no-wait');
  const claimIn = () => client.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, storeClaim);
  const storeClaim = { namespace: 'again', name: 'data-old-0' };
  const claim = await eventually('the claim of the store', claimIn);
  await ok('delete', 'old', '-n', 'again', '--keep-claims');
  const run = start(['create', 'old', '-n', 'again']);
  await run.said('waiting for pod old-0');
  await eventually('the new StatefulSet owns the claim', async () =>
    (await claimIn()).metadata?.ownerReferences?.some(({ kind }) => kind === 'StatefulSet'),
  );
  run.child.kill('SIGINT');
  const { exitCode, stderr } = await run.ended;
  expect(stderr).toContain('claims that were there before stay: data-old-0\n');
  expect(exitCode).toBe(130);
  expect(await contentsOf(client, 'again')).toEqual(['PersistentVolumeClaim/data-old-0']);
  const left = (await claimIn()).metadata;
  expect([left?.uid, left?.deletionTimestamp, left?.ownerReferences]).toEqual([
    claim.metadata?.uid,
    undefined,
    undefined,
  ]);
  // Nothing is there to delete, and what was kept stays.
  const { exitCode: none, stderr: says } = await nestling('delete', 'old', '-n', 'again', '--timeout', '60');
  expect(says).toMatch(/error: virtual cluster old is not there in namespace again/);
  expect(none).toBe(1);
});

test('of two runs that make one cluster, Ctrl-C in either leaves it to the other', async () => {
  await makeNamespace('shared');
  const runs = [start(['create', 'both', '-n', 'shared']), start(['create', 'both', '-n', 'shared'])] as const;
  await Promise.all(runs.map((run) => run.said('waiting for pod both-0')));
  const set = await client.get(resources.statefulSets, { namespace: 'shared', name: 'both' });
  for (const run of runs) {
    run.child.kill('SIGINT');
    expect((await run.ended).exitCode).toBe(130);
  }
  const after = await client.get(resources.statefulSets, { namespace: 'shared', name: 'both' });
  expect([after.metadata?.uid, after.metadata?.deletionTimestamp]).toEqual([set.metadata?.uid, undefined]);
  await ok('delete', 'both', '-n', 'shared');
});

test('a deletion that was interrupted is repeated as it was typed', async () => {
  await ok('create', 'rest', '--no-wait', '--nodes', 'real');
  await client.delete(resources.statefulSets, { namespace: 'nestling-rest', name: 'rest' });
  await eventually('the StatefulSet is gone', async () => {
    const { items } = await client.list(resources.statefulSets, { namespace: 'nestling-rest' });
    return items.length === 0;
  });
  const { stdout } = await ok('delete', 'rest', '--ignore-not-found', '--output', 'json');
  expect(JSON.parse(stdout)).toMatchObject({ namespace: 'nestling-rest', deleted: true, namespaceDeleted: true });
  const labelSelector = 'nestling.dev/control-plane=rest';
  for (const type of [resources.clusterRoles, resources.clusterRoleBindings]) {
    expect((await client.list(type, { labelSelector })).items).toEqual([]);
  }
});

test('a claim that is made to outlive its cluster is told, and not waited for', async () => {
  await makeNamespace('lasting');
  await ok('create', 'last', '-n', 'lasting', '--no-wait');
  await client.create<PersistentVolumeClaim>(resources.persistentVolumeClaims, {
    metadata: { name: 'photos', namespace: 'lasting', labels: { 'nestling.dev/virtual-cluster': 'last' } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  });
  const { stdout } = await ok('delete', 'last', '-n', 'lasting', '--timeout', '120', '--output', 'json');
  expect((JSON.parse(stdout) as { keptClaims: string[] }).keptClaims).toContain('photos');
  expect(await contentsOf(client, 'lasting')).toContain('PersistentVolumeClaim/photos');
});

test('a namespace that it made stays when what others have there is of a kind that it does not know', async () => {
  await ok('create', 'lodger', '--no-wait');
  await client.create(
    {
      group: 'autoscaling',
      version: 'v2',
      resource: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    },
    {
      metadata: { name: 'theirs', namespace: 'nestling-lodger' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 2 },
    },
  );
  const { stderr } = await ok('delete', 'lodger');
  expect(stderr).toContain('namespace nestling-lodger stays: it holds HorizontalPodAutoscaler/theirs');
  expect(await namespaceIsThere('nestling-lodger')).toBe(true);
});

test('Ctrl-C leaves the namespace that it made when somebody has put something there', async () => {
  const run = start(['create', 'busy']);
  await run.said('waiting for pod busy-0');
  await client.create(resources.configMaps, { metadata: { name: 'theirs', namespace: 'nestling-busy' } });
  run.child.kill('SIGINT');
  const { exitCode, stderr } = await run.ended;
  expect(stderr).toContain('namespace nestling-busy stays: it holds ConfigMap/theirs\n');
  expect(exitCode).toBe(130);
  expect(await contentsOf(client, 'nestling-busy')).toEqual(['ConfigMap/theirs']);
});

test('an old namespace that does not go is waited for no longer than --timeout', async () => {
  const finalizers = ['nestling.dev/test'];
  await client.create<Namespace>(resources.namespaces, { metadata: { name: 'stuck' } });
  const held = { metadata: { name: 'held', namespace: 'stuck', finalizers } };
  await client.create(resources.configMaps, held);
  try {
    await client.delete(resources.namespaces, { name: 'stuck' });
    const { exitCode, stderr } = await nestling('create', 'one', '-n', 'stuck', '--timeout', '1');
    expect(stderr).toContain('error: the old namespace stuck is not gone after 1 s: ');
    expect(exitCode).toBe(1);
  } finally {
    const nothing = { metadata: { finalizers: null } };
    await client.patch(resources.configMaps, { namespace: 'stuck', name: 'held', type: 'merge' }, nothing);
  }
});

test('an object of somebody else is in the way of a cluster, and stays as it is', async () => {
  await makeNamespace('taken');
  await client.create(resources.configMaps, {
    metadata: { name: 'mine-anchor', namespace: 'taken' },
    data: { a: 'b' },
  });
  const { exitCode, stderr } = await nestling('create', 'mine', '-n', 'taken');
  expect(stderr).toMatch(/^error: ConfigMap taken\/mine-anchor is there already and is not of virtual cluster mine: /m);
  expect(exitCode).toBe(1);
  expect(await contentsOf(client, 'taken')).toEqual(['ConfigMap/mine-anchor']);
});

describe('errors that a person can act on', () => {
  const withKubeconfig = async (text: string, ...args: string[]): Promise<CommandResult> => {
    const file = join(home, 'other.kubeconfig');
    writeFileSync(file, text, { mode: 0o600 });
    return start(args, environment(file)).ended;
  };

  test('no kubeconfig', async () => {
    const { exitCode, stderr } = await start(['list'], { ...environment(), KUBECONFIG: '' }).ended;
    expect(stderr).toBe(
      `error: kubeconfig ${home}/.kube/config is not there or has no context: name a kubeconfig with --kubeconfig or in KUBECONFIG\n`,
    );
    expect(exitCode).toBe(1);
  });

  test('no such context', async () => {
    const { exitCode, stderr } = await nestling('list', '--context', 'nope');
    expect(stderr).toMatch(/^error: kubeconfig .* has no context "nope": choose one of: cli-host\n$/);
    expect(exitCode).toBe(1);
  });

  test('no rights: who may not do what, where', async () => {
    const connection = server.connectionFor('jane');
    const { exitCode, stderr } = await withKubeconfig(kubeconfigText('jane', connection), 'list');
    expect(stderr).toBe(
      `error: jane may not list statefulsets.apps in namespace default of host cluster ${connection.server} (context jane): ` +
        'have somebody give you that right (verb list on statefulsets.apps)\n',
    );
    expect(exitCode).toBe(1);
  });

  test('a host that does not answer', async () => {
    const connection = { ...server.connection, server: 'https://127.0.0.1:1' };
    const { exitCode, stderr } = await withKubeconfig(kubeconfigText('far', connection), 'list');
    expect(stderr).toBe(
      'error: host cluster https://127.0.0.1:1 (context far) does not answer (ECONNREFUSED): start it, mend the kubeconfig, or choose another context with --context\n',
    );
    expect(exitCode).toBe(1);
  });

  test('a host whose certificate is not trusted', async () => {
    const connection = { ...server.connection, certificateAuthority: '' };
    const { exitCode, stderr } = await withKubeconfig(kubeconfigText('strange', connection), 'list');
    expect(stderr).toMatch(
      /^error: host cluster .* \(context strange\) does not answer \([A-Z_]+\): its certificate is not trusted: mend /,
    );
    expect(exitCode).toBe(1);
  });

  test('a namespace that is not there', async () => {
    const { exitCode, stderr } = await nestling('create', 'one', '-n', 'nowhere', '--no-create-namespace');
    expect(stderr).toBe(
      'making virtual cluster one in namespace nowhere\nerror: namespace "nowhere" is not there: create it, or leave --no-create-namespace out\n',
    );
    expect(exitCode).toBe(1);
  });

  test('command lines that cannot be meant end with 2', async () => {
    for (const [args, says] of [
      [['create', 'UP'], /name "UP" is no DNS label/],
      [['create', 'one', '--replicas', '2'], /--replicas 2 is not known: write 1 or 3/],
      [
        ['create', 'one', '--kubernetes-version', '1.20'],
        /--kubernetes-version 1\.20 is not supported: choose one of 1\.35\.4, /,
      ],
      [['create'], /missing required argument 'name'/],
      [['lsit'], /unknown command 'lsit'\n\(Did you mean list\?\)/],
      [['list', '--nope'], /unknown option '--nope'/],
    ] as const) {
      const { exitCode, stderr } = await nestling(...args);
      expect(stderr).toMatch(says);
      expect([args, exitCode]).toEqual([args, 2]);
    }
  }, 60_000);

  test('the kubeconfig is the same after all of this', () => {
    expect(readFileSync(server.kubeconfigPath, 'utf8')).toBe(kubeconfigText('cli-host', server.connection));
  });
});
