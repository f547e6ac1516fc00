import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Size } from 'cdk8s';
import { Store, synthLocked, VirtualCluster, type VirtualClusterProps } from '../../../constructs';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-lock-'));
  file = join(folder, 'nestling.lock.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Synthesizes one cluster; what is wrong with it, one line each. */
function synth(props: VirtualClusterProps = {}, id = 'vc'): string[] {
  const app = new App({ outdir: join(folder, 'dist') });
  new VirtualCluster(new Chart(app, 'team-a', { namespace: 'team-a' }), id, props);
  try {
    synthLocked(app, file);
    return [];
  } catch (error) {
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

const end = ', which cannot be changed after creation: put it back, or declare a new cluster beside this one';

test('what can be changed can be changed, and the file stays the same', () => {
  expect(synth()).toEqual([]);
  const before = readFileSync(file, 'utf8');
  expect(JSON.parse(before)).toEqual({
    'team-a/vc': {
      name: 'vc',
      namespace: 'team-a',
      clusterDomain: 'cluster.local',
      'store.type': 'persistent',
      'store.size': '5Gi',
    },
  });
  expect(
    synth({ dns: { replicas: 2 }, store: Store.persistent({ retain: true }), apiServerNames: ['a.example.com'] }),
  ).toEqual([]);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test.each<[string, VirtualClusterProps, VirtualClusterProps, string[]]>([
  ['the store', {}, { store: Store.ephemeral() }, [`store.type: "ephemeral": was "persistent"${end}`]],
  [
    'the size of its volume',
    { store: Store.persistent({ size: Size.gibibytes(2) }) },
    { store: Store.persistent({ size: Size.gibibytes(3) }) },
    [`store.size: "3Gi": was "2Gi"${end}`],
  ],
  ['the name', { name: 'a' }, { name: 'b' }, [`name: "b": was "a"${end}`]],
  ['the namespace', {}, { namespace: 'team-b' }, [`namespace: "team-b": was "team-a"${end}`]],
  ['the domain', {}, { clusterDomain: 'a.b' }, [`clusterDomain: "a.b": was "cluster.local"${end}`]],
  [
    'the range of Services',
    { serviceCIDR: '10.96.0.0/16' },
    { serviceCIDR: '10.97.0.0/16' },
    [`serviceCIDR: "10.97.0.0/16": was "10.96.0.0/16"${end}`],
  ],
])('%s cannot be changed: nothing is written', (_, first, second, problems) => {
  expect(synth(first)).toEqual([]);
  const before = readFileSync(file, 'utf8');
  rmSync(join(folder, 'dist'), { recursive: true });
  expect(synth(second)).toEqual(problems.map((problem) => `[team-a/vc] ${problem}`));
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(existsSync(join(folder, 'dist', 'team-a.k8s.yaml'))).toBe(false);
  expect(synth(first)).toEqual([]);
});

test('a range that was found may be written down later', () => {
  expect(synth()).toEqual([]);
  expect(synth({ serviceCIDR: '10.96.0.0/16' })).toEqual([]);
  expect(synth()).toEqual([]);
});

test('a cluster that is gone is forgotten, and one that is wrong is said to be wrong', () => {
  expect(synth()).toEqual([]);
  expect(synth({}, 'other')).toEqual([]);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object)).toEqual(['team-a/other']);
  expect(synth({ name: 'NO' }, 'other')).toEqual([expect.stringContaining('[team-a/other] name: "NO": ')]);
});

test('a file that is none is not overwritten', () => {
  writeFileSync(file, 'not JSON');
  const app = new App({ outdir: join(folder, 'dist') });
  expect(() => synthLocked(app, file)).toThrow(`${file} is no lock file: restore it from version control`);
  expect(readFileSync(file, 'utf8')).toBe('not JSON');
});
