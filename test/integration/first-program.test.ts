import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const root = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'nestling-first-program-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a first program of at most ten lines gives an isolated tenant, by `cdk8s synth` with the cdk8s.yaml of this folder', () => {
  const program = readFileSync(join(root, 'examples/quick-start/main.ts'), 'utf8');
  expect(program.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10);

  const command = join(root, 'node_modules/cdk8s-cli/bin/cdk8s');
  const env = { ...process.env, CDK8S_OUTDIR: undefined };
  execFileSync(process.execPath, [command, 'synth', '--output', folder], { cwd: root, env, stdio: 'pipe' });
  const objects = parseAllDocuments(readFileSync(join(folder, 'quick-start.k8s.yaml'), 'utf8')).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string; labels?: Record<string, string> } },
  );
  const names = (kind: string) => objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
  expect(names('StatefulSet')).toEqual(['my-vc1']);
  expect(objects.find(({ kind }) => kind === 'Namespace')?.metadata).toMatchObject({
    name: 'team-a',
    labels: { 'pod-security.kubernetes.io/enforce': 'baseline' },
  });
  // Closed to other tenants and to the host, and no rights outside of its namespace.
  expect(names('NetworkPolicy').length).toBeGreaterThan(0);
  expect(names('ClusterRole')).toEqual([]);
});
