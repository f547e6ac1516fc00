import * as pulumi from '@pulumi/pulumi';
import { App, Chart, Duration } from 'cdk8s';
import {
  Exposure,
  Isolation,
  KubernetesVersion,
  NodeSyncPolicy,
  Scheduler,
  SleepSchedule,
  Store,
  VirtualCluster as VirtualClusterConstruct,
  type VirtualClusterProps,
} from '../../../constructs';
import { VirtualCluster, type VirtualClusterArgs } from '../../../pulumi-provider';
import { byIdentity, hostObjects, run, valueOf, type Registered } from './program';

function constructed(props: VirtualClusterProps): Record<string, unknown>[] {
  const chart = new Chart(new App(), 'test');
  new VirtualClusterConstruct(chart, 'my-vc1', props);
  return (chart.toJson() as Record<string, unknown>[]).sort(byIdentity);
}

const cluster = (args: Partial<VirtualClusterArgs> = {}): VirtualCluster =>
  new VirtualCluster('my-vc1', { namespace: 'team-a', ...args });

/** An output as a preview has it that cannot know its value. */
const unknownText = (): pulumi.Output<string> => pulumi.output(pulumi.unknown as string);

describe('a component and a construct with the same settings make the same objects of the host', () => {
  test.each<[string, VirtualClusterProps]>([
    ['with every default', {}],
    ['with another version and an ephemeral store', { version: KubernetesVersion.V1_36, store: Store.ephemeral() }],
    ['on a database', { store: Store.postgres({ secretName: 'database' }), certificateLifetime: Duration.days(30) }],
    [
      'behind a TLSRoute',
      { exposure: Exposure.tlsRoute({ host: 'vc.example.com', gateway: { name: 'gateway', namespace: 'infra' } }) },
    ],
    [
      'with nodes and a scheduler',
      {
        scheduler: Scheduler.virtual(),
        sync: {
          toHost: { persistentVolumeClaims: { enabled: false } },
          fromHost: { nodes: NodeSyncPolicy.nodesMatching({ pool: 'gpu' }, { enforce: true }) },
        },
      },
    ],
    [
      'asleep at night, and isolated',
      {
        isolation: Isolation.restricted(),
        sleep: SleepSchedule.outside({ from: '07:30', to: '20:00', timeZone: 'Europe/Berlin' }),
      },
    ],
    ['of three replicas', { replicas: 3 }],
    ['with names and a range', { apiServerNames: ['api.example.com'], serviceCIDR: '10.96.0.0/16', name: 'other' }],
  ])('%s', async (_, props) => {
    const { resources } = await run(() => cluster(props as Partial<VirtualClusterArgs>));
    expect(hostObjects(resources)).toEqual(constructed({ ...props, namespace: 'team-a' }));
    // The core kinds have classes of their own, whose types name the group.
    expect(resources.map(({ type }) => type).filter((type) => type.startsWith('kubernetes:v1:'))).toEqual([]);
  });

  test('where the namespace, the names and the range are outputs', async () => {
    const { resources } = await run(() =>
      cluster({
        namespace: pulumi.output('team-b'),
        apiServerNames: [pulumi.output('api.example.com')],
        serviceCIDR: Promise.resolve('10.96.0.0/16'),
      }),
    );
    const props = { namespace: 'team-b', apiServerNames: ['api.example.com'], serviceCIDR: '10.96.0.0/16' };
    expect(hostObjects(resources)).toEqual(constructed(props));
  });
});

describe('what a component gives', () => {
  test('is the address, a kubeconfig that is a secret, and a provider that is replaced with the cluster alone', async () => {
    const { result, resources } = await run(() => cluster());
    expect(await valueOf(result.endpoint)).toBe('https://my-vc1.team-a.svc:443');
    expect(await valueOf(result.kubeconfig)).toContain('client-key-data');
    expect(await pulumi.isSecret(result.kubeconfig)).toBe(true);
    expect(await pulumi.isSecret(result.endpoint)).toBe(false);
    const provider = resources.find(({ type }) => type === 'pulumi:providers:kubernetes');
    expect(provider?.inputs).toMatchObject({ clusterIdentifier: 'uid-of-my-vc1-anchor' });
  });

  test('are no keys in what it registers', async () => {
    const { resources } = await run(() => cluster());
    expect(JSON.stringify(hostObjects(resources))).not.toMatch(/PRIVATE KEY|client-key-data/);
  });
});

describe('in a preview', () => {
  test('there are the same resources, whatever is known, and only what depends on the unknown is not shown', async () => {
    const known = await run(() => cluster());
    const { resources } = await run(() => cluster({ namespace: unknownText() }), { preview: true });
    const identities = (all: readonly Registered[]): string[] => all.map(({ type, name }) => `${type} ${name}`).sort();
    expect(identities(resources)).toEqual(identities(known.resources));
    const pod = resources.find(({ name }) => name === 'my-vc1-stateful-set')?.inputs;
    expect(pod).toMatchObject({ metadata: { name: 'my-vc1' }, spec: { replicas: 1, serviceName: 'my-vc1-store' } });
    expect((pod?.['metadata'] as object & { namespace?: unknown }).namespace).not.toBe('known-later');
    expect(JSON.stringify(resources)).not.toMatch(/known-later|not-known-yet/);
  });

  test('the kubeconfig is not looked for before there is a cluster', async () => {
    const { result, reads } = await run(() => cluster(), { preview: true });
    expect(reads).toEqual([]);
    expect((await run(() => cluster())).reads).toEqual(['team-a/vc-my-vc1']);
    expect(await (result.kubeconfig as unknown as { isKnown: Promise<boolean> }).isKnown).toBe(false);
  });
});

describe('arguments that are wrong', () => {
  test('are told at once, each with its name, value and remedy, and of which component', async () => {
    const error = await run(() => {
      try {
        cluster({ dns: { replicas: 0 }, version: KubernetesVersion.of('1.20.0') });
      } catch (caught) {
        return caught;
      }
      return undefined;
    });
    expect(pulumi.ResourceError.isInstance(error.result)).toBe(true);
    const { message, resource } = error.result as pulumi.ResourceError;
    expect(resource).toBeInstanceOf(VirtualCluster);
    expect(message).toContain('urn:pulumi:stack::project::nestling:index:VirtualCluster::my-vc1:\n');
    expect(message).toContain('dns.replicas: 0: must be at least 1');
    expect(message).toContain('version: "1.20.0"');
  });

  test('are told of a component inside of another with the URN of both', async () => {
    const { result } = await run(() => {
      const team = new pulumi.ComponentResource('example:index:Team', 'team-a');
      try {
        new VirtualCluster('my-vc1', { namespace: 'team-a', replicas: 2 as never }, { parent: team });
      } catch (caught) {
        return (caught as Error).message;
      }
      return '';
    });
    expect(result).toContain('::example:index:Team$nestling:index:VirtualCluster::my-vc1:\n');
    expect(result).toContain('replicas: 2: ');
  });
});
