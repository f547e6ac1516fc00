import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'nestling-package-'));
const modules = join(folder, 'node_modules');
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  'dependencies' | 'peerDependencies',
  Record<string, string>
>;
let files: string[];

beforeAll(() => {
  const packed = execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // What the build says comes first.
  const [{ filename, files: list }] = JSON.parse(packed.slice(packed.search(/^\[/m))) as [
    { filename: string; files: { path: string }[] },
  ];
  files = list.map(({ path }) => path);
  const home = join(modules, 'nestling');
  mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1']);
  // Nothing else can be required: a dependency that package.json does not name would be missed.
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the package holds constructs, what they stand on, and the command line, and neither tests nor the syncer', () => {
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/constructs/index.d.ts']));
  const rooms = [
    'dist/constructs/',
    'dist/pulumi-provider/',
    'dist/syncer/configuration/',
    'dist/syncer/translation/',
    'dist/syncer/policy/',
  ];
  const others = files.filter((path) => !rooms.some((room) => path.startsWith(room)));
  expect(others.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist/cli/nestling.js',
    'dist/cli/nestling.js.LICENSES.txt',
    'docs/virtual-cluster.schema.json',
    'package.json',
  ]);
});

test('the command line is one file that needs nothing beside it to say what there is', () => {
  const program = join(modules, 'nestling/dist/cli/nestling.js');
  const text = execFileSync(process.execPath, [program, '--help'], { cwd: folder, encoding: 'utf8' });
  expect(text).toMatch(/^Usage: nestling COMMAND/);
  expect(text).toMatch(/^ {2}list /m);
});

test('gives a user’s tests what they need, by a way of its own', () => {
  const program = `const { assertIsolated, Synthesized } = require("nestling/testing");
    const { VirtualCluster } = require("nestling");
    const { App, Chart } = require("cdk8s");
    const cluster = new VirtualCluster(new Chart(new App(), 'team-a', { namespace: 'team-a' }), 'my-vc1');
    assertIsolated(cluster);
    console.log(Synthesized.of(cluster.node.root).find('StatefulSet', 'my-vc1').kind);`;
  const printed = execFileSync(process.execPath, ['-e', program], { cwd: folder, encoding: 'utf8' });
  expect(printed).toBe('StatefulSet\n');
});

test.each(['const { VirtualCluster } = require("nestling");', 'import { VirtualCluster } from "nestling";'])(
  'gives a cluster to an app: %s',
  (line) => {
    const module = line.startsWith('import');
    const cdk8s = module ? 'import cdk8s from "cdk8s";' : 'const cdk8s = require("cdk8s");';
    const program = `${line} ${cdk8s}
      const app = new cdk8s.App();
      new VirtualCluster(new cdk8s.Chart(app, 'team-a', { namespace: 'team-a' }), 'my-vc1');
      console.log(app.synthYaml());`;
    const args = [`--input-type=${module ? 'module' : 'commonjs'}`, '-e', program];
    const yaml = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(yaml).toContain('kind: StatefulSet');
    expect(yaml).toContain('name: my-vc1-anchor');
  },
);

test('gives a component to a Pulumi program, and loads nothing of Pulumi for anybody else', () => {
  const program = `
    const loaded = () => Object.keys(require.cache).some((path) => path.includes('@pulumi'));
    require('nestling');
    console.log(loaded());
    console.log(typeof require('nestling/pulumi').VirtualCluster, loaded());`;
  const text = execFileSync(process.execPath, ['--input-type=commonjs', '-e', program], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(text).toBe('false\nfunction true\n');
});
