import type { Command } from 'commander';
import type { VirtualClusterProps } from '../constructs';
import type { Flags } from './command';
import { UsageFailure } from './failure';

const EXPOSURES = ['cluster-ip', 'node-port', 'load-balancer'] as const;
const ISOLATIONS = ['trusted', 'baseline', 'restricted'] as const;
const NODES = ['fake', 'real', 'all'] as const;
const SCHEDULERS = ['host', 'virtual'] as const;

/** Adds the flags that say what a virtual cluster is, to a command whose flags go to `propsFrom`. */
export function addClusterFlags(command: Command): void {
  command
    .option('--kubernetes-version <version>', 'such as 1.37 or 1.37.2; else the newest')
    .option('--replicas <number>', 'replicas of the control plane, 1 or 3', '1')
    .option('--expose <how>', `how its API is reached from outside: ${EXPOSURES.join(', ')}`, 'cluster-ip')
    .option('--isolation <level>', `how far tenants are kept apart: ${ISOLATIONS.join(', ')}`, 'baseline')
    .option('--store-size <size>', 'size of the volume of its store, such as 10Gi')
    .option('--storage-class <name>', "StorageClass of that volume; else the host's default")
    .option('--ephemeral', 'no volume: all is lost with its pod')
    .option('--nodes <which>', `which nodes tenants see: ${NODES.join(', ')}`, 'fake')
    .option('--scheduler <whose>', `who places pods on nodes: ${SCHEDULERS.join(', ')}`, 'host')
    .option('--image-mirror <prefix>', 'registry and path in front of all images, such as registry.example.com/mirror');
}

/**
 * The properties of a virtual cluster that flags ask for.
 *
 * @throws UsageFailure naming the flag, its value and what could stand there
 */
export async function propsFrom(flags: Flags): Promise<VirtualClusterProps> {
  // Half a second of cdk8s, which commands that make nothing do without.
  const { Exposure, ImageSources, Isolation, NodeSyncPolicy, Scheduler, Store } =
    await import('../constructs/index.js');
  const { Size } = await import('cdk8s');
  const text = (name: string): string | undefined => (flags[name] === undefined ? undefined : String(flags[name]));
  const exposure = {
    'cluster-ip': Exposure.clusterIP,
    'node-port': Exposure.nodePort,
    'load-balancer': Exposure.loadBalancer,
  };
  const isolation = { trusted: Isolation.trusted, baseline: Isolation.baseline, restricted: Isolation.restricted };
  const nodes = { fake: NodeSyncPolicy.fake, real: NodeSyncPolicy.real, all: NodeSyncPolicy.allNodes };
  const scheduler = { host: Scheduler.host, virtual: Scheduler.virtual };
  const size = text('storeSize');
  const storageClassName = text('storageClass');
  if (flags['ephemeral'] === true && storageClassName !== undefined) {
    throw new UsageFailure(
      '--storage-class is for a store with a volume, and --ephemeral for one without: leave one of them out',
    );
  }
  const amount = size === undefined ? {} : { size: Size.mebibytes(mebibytes(size)) };
  const store =
    flags['ephemeral'] === true
      ? Store.ephemeral(amount)
      : Store.persistent({ ...amount, ...(storageClassName !== undefined && { storageClassName }) });
  const fromHost = { nodes: nodes[choice('--nodes', text('nodes') ?? 'fake', NODES)]() };
  const version = text('kubernetesVersion');
  const mirror = text('imageMirror');
  return {
    ...(version === undefined ? {} : { version: await kubernetesVersion(version) }),
    replicas: choice('--replicas', text('replicas') ?? '1', ['1', '3']) === '3' ? 3 : 1,
    store,
    exposure: exposure[choice('--expose', text('expose') ?? 'cluster-ip', EXPOSURES)](),
    isolation: isolation[choice('--isolation', text('isolation') ?? 'baseline', ISOLATIONS)](),
    scheduler: scheduler[choice('--scheduler', text('scheduler') ?? 'host', SCHEDULERS)](),
    sync: { fromHost },
    ...(mirror === undefined ? {} : { images: ImageSources.mirror(mirror) }),
  };
}

function choice<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new UsageFailure(`${flag} ${value} is not known: write ${allowed.join(' or ')}`);
  return found;
}

async function kubernetesVersion(value: string): Promise<NonNullable<VirtualClusterProps['version']>> {
  const { KubernetesVersion } = await import('../constructs/index.js');
  const wanted = value.replace(/^v/, '');
  const { supported } = KubernetesVersion;
  const found = supported.find((version) => version === wanted || version.startsWith(`${wanted}.`));
  if (found === undefined) {
    throw new UsageFailure(`--kubernetes-version ${value} is not supported: choose one of ${supported.join(', ')}`);
  }
  return KubernetesVersion.of(found);
}

const UNITS: Readonly<Record<string, number>> = { Mi: 1, Gi: 1024, Ti: 1024 * 1024 };

/** @throws UsageFailure for another notation */
function mebibytes(size: string): number {
  const [, number = '', unit = ''] = /^(\d+)(Mi|Gi|Ti)$/.exec(size) ?? [];
  const amount = Number(number) * (UNITS[unit] ?? 0);
  if (amount > 0 && Number.isSafeInteger(amount)) return amount;
  throw new UsageFailure(`--store-size ${size} is no size: write a whole number and Mi, Gi or Ti, such as 10Gi`);
}
