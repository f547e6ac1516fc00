import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCluster, SETTINGS_ANNOTATION, withSettings } from '../../../cli/cluster-objects';
import { settingsFrom } from '../../../cli/cluster-settings';
import { run as synth } from '../../../cli/commands/synth';
import type { Context } from '../../../cli/context';
import { Output } from '../../../cli/output';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-cluster-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('flags alone are settings', async () => {
  expect(await settingsFrom({})).toEqual({});
  const flags = {
    kubernetesVersion: '1.36',
    replicas: '3',
    expose: 'load-balancer',
    isolation: 'restricted',
    storeSize: '10Gi',
    storageClass: 'fast',
    nodes: 'all',
    scheduler: 'virtual',
    imageMirror: 'registry.example.com/mirror',
  };
  expect(await settingsFrom(flags)).toEqual({
    version: '1.36.3',
    replicas: 3,
    exposure: 'loadBalancer',
    isolation: { type: 'restricted' },
    store: { type: 'persistent', size: '10Gi', storageClassName: 'fast' },
    sync: { fromHost: { nodes: 'allNodes' } },
    scheduler: 'virtual',
    images: { type: 'mirror', prefix: 'registry.example.com/mirror' },
  });
  expect(await settingsFrom({ ephemeral: true, storeSize: '1Gi' })).toEqual({
    store: { type: 'ephemeral', size: '1Gi' },
  });
});

test('flags win over the file, and leave what they say nothing of', async () => {
  const given = file(
    'vc.yaml',
    `version: "1.35"
replicas: 1
exposure: { type: nodePort, port: 30443 }
isolation: { type: baseline, quota: { type: of, pods: 7 } }
store: { type: persistent, size: 5Gi, retain: true }
images: { type: upstream, with: { syncer: "registry.example.com/syncer:1" } }
sync: { toHost: { resourceClaims: { enabled: true } }, fromHost: { events: { enabled: false }, nodes: real } }
`,
  );
  const flags = { file: given, replicas: '3', expose: 'load-balancer', isolation: 'trusted', storeSize: '9Gi' };
  expect(await settingsFrom({ ...flags, nodes: 'all', imageMirror: 'registry.example.com/mirror' })).toEqual({
    version: '1.35',
    replicas: 3,
    exposure: 'loadBalancer',
    isolation: { type: 'trusted', quota: { type: 'of', pods: 7 } },
    store: { type: 'persistent', size: '9Gi', retain: true },
    images: {
      type: 'mirror',
      prefix: 'registry.example.com/mirror',
      with: { syncer: 'registry.example.com/syncer:1' },
    },
    sync: {
      toHost: { resourceClaims: { enabled: true } },
      fromHost: { events: { enabled: false }, nodes: 'allNodes' },
    },
  });
  // The same factory keeps its settings.
  expect((await settingsFrom({ file: given, expose: 'node-port' }))['exposure']).toEqual({
    type: 'nodePort',
    port: 30443,
  });
  expect((await settingsFrom({ file: given, ephemeral: true }))['store']).toBe('ephemeral');
});

test.each([
  [{ replicas: '2' }, '--replicas 2 is not known: write 1 or 3'],
  [{ expose: 'everywhere' }, '--expose everywhere is not known: write cluster-ip or node-port or load-balancer'],
  [{ kubernetesVersion: '1.20' }, '--kubernetes-version 1.20 is not supported: choose one of 1.35.4, '],
  [{ storeSize: '10GB' }, '--store-size 10GB is no size: write a whole number and Mi, Gi or Ti'],
  [{ ephemeral: true, storageClass: 'fast' }, '--storage-class is for a store with a volume'],
])('%j is refused with its flag', async (flags, message) => {
  await expect(settingsFrom(flags)).rejects.toThrow(message);
});

test('a flag that does not fit the file is told as such', async () => {
  const given = file('external.yaml', 'store: { type: postgres, secretName: db }');
  await expect(settingsFrom({ file: given, storeSize: '10Gi' })).rejects.toThrow(
    /what the flags say cannot be used:\n {2}store\.size: "10Gi": is not a known field/,
  );
});

test('what is wrong only together is told with the property', async () => {
  await expect(planCluster('my-vc1', 'team-a', { replicas: 3, store: 'ephemeral' })).rejects.toThrow(
    /^replicas: 3: is too many for Store\.ephemeral\(\)/,
  );
});

test('the anchor keeps the settings, in any order the same, with the version and without manifests', async () => {
  const settings = {
    store: { type: 'persistent', size: '7Gi' },
    exposure: 'nodePort',
    name: 'other',
    manifests: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'p' } }],
  };
  const kept = async (given: object): Promise<string | undefined> => {
    const objects = withSettings(await planCluster('my-vc1', 'team-a', { ...given }), { ...given });
    const annotated = objects.filter(({ metadata }) => metadata?.annotations?.[SETTINGS_ANNOTATION] !== undefined);
    expect(annotated.map(({ kind, metadata }) => [kind, metadata?.name])).toEqual([['ConfigMap', 'my-vc1-anchor']]);
    return annotated[0]?.metadata?.annotations?.[SETTINGS_ANNOTATION];
  };
  const text = await kept(settings);
  expect(text).toBe('{"exposure":"nodePort","store":{"type":"persistent","size":"7Gi"},"version":"1.37.2"}');
  expect(await kept(Object.fromEntries(Object.entries(settings).reverse()))).toBe(text);
});

test('synth writes the same bytes for equal settings, and leaves a file that is right', async () => {
  const given = file('synth.yaml', 'name: my-vc1\nnamespace: team-a\n');
  const dir = join(folder, 'deploy');
  const run = async (args: readonly unknown[], flags: object, namespace?: string): Promise<string> => {
    let text = '';
    const output = new Output('text', { write: (part: string) => (text += part) });
    const hostFlags = namespace === undefined ? {} : { namespace };
    await synth({ output, hostFlags } as unknown as Context, args, { ...flags });
    return text;
  };
  expect(await run([], { file: given, dir })).toMatch(/my-vc1\.yaml is written: \d+ objects/);
  const first = readFileSync(join(dir, 'my-vc1.yaml'), 'utf8');
  expect(await run([], { file: given, dir })).toMatch(/my-vc1\.yaml is as it was/);
  expect(await run(['my-vc1'], {}, 'team-a')).toBe(first);
  expect(first).toMatch(/^apiVersion: v1\nkind: ConfigMap\n/);
  await expect(run(['my-vc1'], {})).rejects.toThrow('no host namespace: give --namespace');
  await expect(run([], {})).rejects.toThrow('no name: give one');
});
