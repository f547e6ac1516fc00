import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { run as explainCommand } from '../../../cli/commands/explain';
import { run as rightsCommand } from '../../../cli/commands/rights';
import type { Context } from '../../../cli/context';
import { Output, type OutputFormat } from '../../../cli/output';
import { manifestsIn } from '../../../cli/read-manifests';
import { explain, VirtualCluster } from '../../../constructs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-explain-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function ran(
  command: typeof explainCommand | typeof rightsCommand,
  args: readonly unknown[],
  flags: Record<string, unknown>,
  format: OutputFormat = 'text',
): Promise<{ text: string; code: number | void }> {
  let text = '';
  const output = new Output(format, { write: (part: string) => (text += part) });
  const code = await command({ output, hostFlags: { namespace: 'team-a' } } as unknown as Context, args, flags);
  return { text, code };
}

const MANIFESTS = `# what a tenant has
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Service, metadata: { name: web, namespace: shop }, spec: { ports: [{ port: 80 }] } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    spec: { containers: [{ name: web, image: 'example.org/web:1' }] }
---
# nothing
---
{ apiVersion: v1, kind: Pod, metadata: { name: bad }, spec: { hostNetwork: true, containers: [{ name: a, image: a }] } }
`;

test('explain tells of each object what it becomes, and of a workload what its pods do', async () => {
  const { text, code } = await ran(explainCommand, [file('app.yaml', MANIFESTS)], {});
  const lines = text.split('\n');
  expect(lines[0]).toMatch(/^OBJECT +OUTCOME +ON THE HOST +REASON$/);
  expect(lines[1]).toMatch(/^Service shop\/web +synced +team-a\/web-x-shop-x-my-vc1$/);
  expect(lines[2]).toMatch(
    /^Deployment shop\/web +stays +objects of kind Deployment live in the virtual cluster only$/,
  );
  expect(lines[3]).toMatch(/^ {2}each pod of web +synced +team-a\/web-abcde-x-shop-x-my-vc1$/);
  expect(lines[4]).toMatch(/^Pod default\/bad +refused +PolicyViolation: .*spec\.hostNetwork/);
  expect(code).toBe(1);
});

test('explain goes by the settings, and in JSON has every field', async () => {
  const pod = file(
    'pod.yaml',
    '{ apiVersion: v1, kind: Pod, metadata: { name: a }, spec: { hostNetwork: true, containers: [] } }',
  );
  const trusted = await ran(explainCommand, [pod], { isolation: 'trusted' }, 'json');
  const [line] = JSON.parse(trusted.text) as [{ outcome: string; host: string; fields: { path: string }[] }];
  expect(line).toMatchObject({ outcome: 'synced', host: 'team-a/a-x-default-x-my-vc1' });
  expect(line.fields.map(({ path }) => path)).toContain('spec.hostNetwork');
  expect(trusted.code).toBe(0);
  const fields = await ran(explainCommand, [pod], { isolation: 'trusted', fields: true });
  expect(fields.text).toMatch(/^Pod default\/a becomes Pod team-a\/a-x-default-x-my-vc1 on the host\n {2}/);
});

test('explain says of a running cluster what it says of the same cluster in an app', () => {
  const cluster = new VirtualCluster(new Chart(new App(), 'test', { namespace: 'team-a' }), 'my-vc1');
  const configuration = new Chart(new App(), 'other', { namespace: 'team-a' });
  new VirtualCluster(configuration, 'my-vc1');
  const map = (
    configuration.toJson() as { kind: string; metadata: { name: string }; data?: Record<string, string> }[]
  ).find(({ metadata }) => metadata.name === 'my-vc1-configuration');
  const onHost = { namespace: 'team-a', configuration: map?.data?.['configuration.yaml'] ?? '' };
  for (const manifest of manifestsIn(MANIFESTS, 'test'))
    expect(explain(manifest, onHost)).toEqual(explain(manifest, cluster));
  expect(() =>
    explain(manifestsIn(MANIFESTS, 'test')[0] as never, { ...onHost, configuration: 'kind: Other' }),
  ).toThrow(/kind: "Other"/);
});

test.each([
  ['a: [', /test is not YAML \(/],
  ['# nothing\n', /test has no object: write manifests/],
  ['kind: Pod', /document 1 of test is no object of Kubernetes: give it apiVersion and kind/],
  ['{ apiVersion: v1, kind: List, items: [1] }', /document 1 of test is no object/],
])('manifests that are none are refused: %j', (text, message) => {
  expect(() => manifestsIn(text, 'test')).toThrow(message);
});

test('a running cluster is not explained by settings', async () => {
  await expect(ran(explainCommand, ['-'], { cluster: 'my-vc1', file: 'vc.ts' })).rejects.toThrow(
    'leave one of them out',
  );
  await expect(ran(explainCommand, [join(folder, 'none.yaml')], {})).rejects.toThrow(
    'none.yaml is not there: check its name',
  );
});

test('rights lists what a cluster would be given', async () => {
  const { text } = await ran(rightsCommand, ['my-vc1'], { nodes: 'all' });
  expect(text).toMatch(/^WHO +WHERE +RESOURCES +OBJECTS +VERBS +BY\n/);
  expect(text).toMatch(/^syncer +namespace|^syncer +team-a +pods/m);
  expect(text).toMatch(/^syncer +whole host +nodes\S* +all +get,list,watch +ClusterRole /m);
  const json = JSON.parse((await ran(rightsCommand, [], { file: file('vc.yaml', 'name: x') }, 'json')).text) as {
    role: string;
  }[];
  expect(json[0]?.role).toBe('Role x');
  expect((await ran(rightsCommand, ['my-vc1'], { replicas: '3', markdown: true })).text).toMatch(
    /^Rights of virtual cluster my-vc1 /,
  );
});
