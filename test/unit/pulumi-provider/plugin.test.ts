import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { Exposure, Isolation, KubernetesVersion, NodeSyncPolicy, Quota, SleepSchedule } from '../../../constructs';
import { VirtualCluster } from '../../../pulumi-provider';
import { VirtualCluster as PluginCluster } from '../../../pulumi-plugin/virtual-cluster';
import type { VirtualClusterArgs } from '../../../pulumi-plugin/arguments';
import { publicModules } from '../../../tasks/api-reference/surface';
import { pluginSchema } from '../../../tasks/plugin-schema';
import { pulumiArguments } from '../../../tasks/pulumi-arguments';
import { hostObjects, run, valueOf } from './program';

const root = join(__dirname, '../../..');
const folder = join(root, 'pulumi-plugin');
const file = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('the plugin for other languages', () => {
  test('has the arguments that settings files have: `npm run pulumi-schema` writes them anew', () => {
    expect(file('arguments.ts')).toBe(pulumiArguments(publicModules(root)));
  });

  test('has the schema that its types make: `npm run pulumi-schema` writes it anew', async () => {
    expect(file('schema.json')).toBe(await pluginSchema(folder));
    // A compiler looks at all types: a busy machine is slow.
  }, 300_000);

  test('is a plugin of Node.js, of the version of the package', () => {
    expect(file('PulumiPlugin.yaml')).toBe('runtime: nodejs\n');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(JSON.parse(file('package.json'))).toMatchObject({ version, dependencies: { nestling: `^${version}` } });
    expect(JSON.parse(file('schema.json'))).toMatchObject({ name: 'nestling', version });
  });
});

describe('settings as plain data make the same objects of the host as the values of the constructs', () => {
  test.each<[string, object, object]>([
    ['with every default', {}, {}],
    [
      'exposed, isolated, with a quota and nodes',
      {
        name: 'other',
        version: '1.36',
        exposure: { type: 'nodePort', port: 31_000 },
        isolation: { type: 'restricted', quota: { type: 'of', pods: 20 } },
        sync: { fromHost: { nodes: { type: 'real' } } },
      },
      {
        name: 'other',
        version: KubernetesVersion.V1_36,
        exposure: Exposure.nodePort({ port: 31_000 }),
        isolation: Isolation.restricted({ quota: Quota.of({ pods: 20 }) }),
        sync: { fromHost: { nodes: NodeSyncPolicy.real() } },
      },
    ],
    [
      'asleep at night, with a range and names',
      {
        sleep: { type: 'outside', from: '07:30', to: '20:00', timeZone: 'Europe/Berlin' },
        serviceCIDR: '10.96.0.0/16',
        apiServerNames: ['api.example.com'],
      },
      {
        sleep: SleepSchedule.outside({ from: '07:30', to: '20:00', timeZone: 'Europe/Berlin' }),
        serviceCIDR: '10.96.0.0/16',
        apiServerNames: ['api.example.com'],
      },
    ],
  ])('%s', async (_, plain, props) => {
    const ofPlugin = await run(() => new PluginCluster('my-vc1', { namespace: 'team-a', ...plain }));
    const own = await run(() => new VirtualCluster('my-vc1', { namespace: 'team-a', ...props }));
    expect(hostObjects(own.resources).length).toBeGreaterThan(5);
    expect(ofPlugin.resources).toEqual(own.resources);
    expect(await valueOf(ofPlugin.result.endpoint)).toBe(await valueOf(own.result.endpoint));
    expect(await pulumi.isSecret(ofPlugin.result.kubeconfig)).toBe(true);
  });

  test('in a preview too, where the namespace is not known', async () => {
    const namespace = pulumi.output(pulumi.unknown as string);
    const { resources } = await run(() => new PluginCluster('my-vc1', { namespace }), { preview: true });
    const names = (all: typeof resources): string[] => all.map(({ name }) => name).sort();
    expect(names(resources)).toEqual(
      names((await run(() => new VirtualCluster('my-vc1', { namespace: 'a' }))).resources),
    );
  });
});

describe('what is wrong with plain settings', () => {
  const errorOf = async (args: object): Promise<unknown> => {
    const { result } = await run(() => {
      try {
        return new PluginCluster('my-vc1', args as VirtualClusterArgs);
      } catch (error) {
        return error;
      }
    });
    return (result as { errors?: unknown }).errors;
  };

  test.each<[string, object, { propertyPath: string; reason: RegExp }]>([
    [
      'a value out of range',
      { namespace: 'team-a', dns: { replicas: 0 } },
      { propertyPath: 'dns.replicas', reason: /^0: must be at least 1; to have no DNS server/ },
    ],
    ['a name that nothing has', { namespace: 'team-a', exposures: {} }, { propertyPath: 'exposures', reason: /./ }],
    [
      'a setting of another type of exposure',
      { namespace: 'team-a', exposure: { type: 'clusterIP', port: 31_000 } },
      { propertyPath: 'exposure.port', reason: /./ },
    ],
    ['no namespace', {}, { propertyPath: 'namespace', reason: /./ }],
    [
      'an output where the value decides which objects there are',
      { namespace: 'team-a', exposure: pulumi.output({ type: 'clusterIP' }) },
      { propertyPath: 'exposure', reason: /must be known at preview/ },
    ],
  ])('%s is told with its path and the remedy', async (_, args, { propertyPath, reason }) => {
    expect(await errorOf(args)).toEqual(
      expect.arrayContaining([{ propertyPath, reason: expect.stringMatching(reason) as unknown }]),
    );
  });
});
