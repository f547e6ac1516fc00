import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { preview } from '../../../examples/pulumi/preview-per-pull-request/preview';
import { VirtualCluster as PluginCluster } from '../../../pulumi-plugin/virtual-cluster';
import type { VirtualClusterArgs } from '../../../pulumi-plugin/arguments';
import { run } from './program';

const examples = join(__dirname, '../../../examples/pulumi');

test('the program in TypeScript makes the cluster in its namespace and the Deployment in the cluster', async () => {
  const { resources } = await run(() => void jest.requireActual(join(examples, 'typescript', 'index.ts')));
  const names = resources.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['team-a', 'my-vc1-stateful-set', 'my-vc1-quota', 'shop', 'web']));
  expect(names.indexOf('web')).toBeGreaterThan(names.indexOf('my-vc1-stateful-set'));
});

test.each([false, true])(
  'a preview of a pull request has a cluster in a namespace of its own (in a preview: %s)',
  async (inPreview) => {
    const { resources } = await run(() => preview('1234'), { preview: inPreview });
    const namespace = resources.find(({ type }) => type === 'kubernetes:core/v1:Namespace');
    expect(namespace?.inputs).toMatchObject({ metadata: { name: 'preview-1234' } });
    expect(resources.map(({ name }) => name)).toContain('preview-stateful-set');
  },
);

test('the program in YAML has settings that the plugin takes', async () => {
  const program = parse(readFileSync(join(examples, 'yaml', 'Pulumi.yaml'), 'utf8')) as {
    resources: Record<string, { type: string; properties: VirtualClusterArgs }>;
  };
  const [[name, { type, properties }]] = Object.entries(program.resources) as [
    [string, { type: string; properties: VirtualClusterArgs }],
  ];
  expect(type).toBe('nestling:VirtualCluster');
  const { resources } = await run(() => new PluginCluster(name, properties));
  expect(resources.map((one) => one.name)).toEqual(expect.arrayContaining(['my-vc1-stateful-set', 'my-vc1-quota']));
});
