import type { Command } from 'commander';
import type { Namespace } from 'kubernetes-types/core/v1';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterNameProblem, namespaceNameProblem } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { apply, refuseForeign, typed } from '../apply';
import { planCluster, withSettings } from '../cluster-objects';
import type { Flags } from '../command';
import type { Context } from '../context';
import { Failure, UsageFailure } from '../failure';
import type { HostCluster } from '../host';
import { addClusterFlags, givesSettings, settingsFrom } from '../cluster-settings';
import { MADE_ANNOTATION, removeCluster } from '../remove-cluster';
import { findClusters } from '../virtual-clusters';
import type { FoundCluster } from '../virtual-clusters';
import { waitReady } from '../wait-ready';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .option('--no-create-namespace', 'the host namespace must be there already')
    .option('--no-wait', 'do not wait until it answers')
    .option('--timeout <seconds>', 'how long to wait', '300');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
Without --namespace it goes into the namespace of the context, or nestling-NAME where that is "default".
One that is there is left as it is, and waited for. Ctrl-C takes away what was made so far.

  nestling create my-vc1 && nestling connect my-vc1
  nestling create my-vc1 --namespace team-a --replicas 3 --isolation restricted
  nestling create my-vc1 --file vc.ts`,
  );
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const started = Date.now();
  const { output, progress, signal } = context;
  const name = String(given);
  const timeoutSeconds = secondsOf(flags['timeout']);
  const problem = clusterNameProblem(name);
  if (problem !== undefined) throw new UsageFailure(`name ${JSON.stringify(name)} ${problem}`);
  // Before anything is asked of the host: what is wrong with the flags is told at once.
  const settings = await settingsFrom(flags);
  const host = await context.host();
  const namespace = namespaceFor(host, name, settings['namespace'] as string | undefined);
  const objects = withSettings(await planCluster(name, namespace, settings), settings);
  const found = await there(host, name, namespace, signal);
  if (found?.status === 'Deleting')
    throw new Failure(`virtual cluster ${namespace}/${name} is being deleted: wait until it is gone`);
  if (found?.status === 'Paused') {
    throw new Failure(
      `virtual cluster ${namespace}/${name} is there and paused: wake it with nestling resume ${name} -n ${namespace}`,
    );
  }
  if (found !== undefined) progress.note(`virtual cluster ${namespace}/${name} is there already, and stays as it is`);
  const again = `nestling create ${name} -n ${namespace}${givesSettings(flags) ? ' and the same flags' : ''}`;
  const made = new Made();
  try {
    if (found === undefined) {
      progress.waiting(`making virtual cluster ${name} in namespace ${namespace}`);
      made.namespace = await ensureNamespace(host.client, namespace, flags['createNamespace'] !== false, context);
      const all = await typed(host.client, objects, signal);
      await refuseForeign(host.client, all, name, signal);
      made.objects = true;
      await apply(host.client, all, signal);
    }
    if (flags['wait'] !== false) {
      await waitReady({ client: host.client, name, namespace, progress, signal, timeoutSeconds });
    }
  } catch (error) {
    progress.clear();
    if (signal.aborted) await takeAway(context, host, name, namespace, made);
    else if (made.any || found !== undefined) {
      progress.note(
        `virtual cluster ${namespace}/${name} is not complete: go on with ${again}, or take it away with nestling delete ${name} -n ${namespace}`,
      );
    }
    throw error;
  }
  progress.clear();
  const seconds = Math.round((Date.now() - started) / 100) / 10;
  const version = found?.version ?? versionOf(objects);
  output.result(
    { name, namespace, version, created: found === undefined, ready: flags['wait'] !== false, seconds },
    () =>
      flags['wait'] === false
        ? `virtual cluster ${name} is made in namespace ${namespace} (${seconds.toFixed(1)} s), and starts`
        : `virtual cluster ${name} is ready in namespace ${namespace} (${seconds.toFixed(1)} s): nestling connect ${name}`,
  );
}

/** What this run has made, to know what it may take away. */
class Made {
  namespace = false;
  objects = false;

  get any(): boolean {
    return this.namespace || this.objects;
  }
}

/** @throws UsageFailure for what is no number of seconds */
export function secondsOf(value: unknown): number {
  const seconds = Number(value);
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= 86_400) return seconds;
  throw new UsageFailure(`--timeout ${String(value)} is no time: write whole seconds, 1 to 86400`);
}

/** @param ofFile the namespace that the settings file names */
function namespaceFor(host: HostCluster, name: string, ofFile: string | undefined): string {
  const given = host.givenNamespace;
  const problem = given === undefined ? undefined : namespaceNameProblem(given);
  if (problem !== undefined) throw new UsageFailure(`--namespace ${JSON.stringify(given)} ${problem}`);
  return given ?? ofFile ?? (host.namespace === 'default' ? `nestling-${name}` : host.namespace);
}

async function there(
  host: HostCluster,
  name: string,
  namespace: string,
  signal: AbortSignal,
): Promise<FoundCluster | undefined> {
  const all = await findClusters({ ...host, givenNamespace: namespace }, signal);
  return all.find((cluster) => cluster.name === name);
}

/** @returns whether it was made here */
async function ensureNamespace(
  client: KubeClient,
  name: string,
  make: boolean,
  { progress, signal }: Pick<Context, 'progress' | 'signal'>,
): Promise<boolean> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const { metadata } = await client.get<Namespace>(resources.namespaces, { name, signal });
      if (metadata?.deletionTimestamp === undefined) return false;
      progress.waiting(`waiting for the old namespace ${name} to be gone`);
      await sleep(500, undefined, { signal }).catch(() => undefined);
      continue;
    } catch (error) {
      // Who may not look at namespaces is given one: what is applied tells whether it is there.
      if (ApiError.is(error, 'Forbidden')) return false;
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    if (!make) throw new Failure(`namespace "${name}" is not there: create it, or leave --no-create-namespace out`);
    try {
      await client.create<Namespace>(
        resources.namespaces,
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations: { [MADE_ANNOTATION]: 'true' } } },
        { signal },
      );
      return true;
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
  }
}

/** After Ctrl-C. The signal is aborted, so nothing here listens to it: a second Ctrl-C ends the program. */
async function takeAway(
  { progress }: Context,
  host: HostCluster,
  name: string,
  namespace: string,
  made: Made,
): Promise<void> {
  if (!made.any) return;
  progress.note(
    `interrupted: taking away what was made (Ctrl-C again leaves it: nestling create ${name} -n ${namespace} goes on, nestling delete ${name} -n ${namespace} takes it away)`,
  );
  const never = new AbortController().signal;
  const removal = {
    client: host.client,
    name,
    namespace,
    progress,
    signal: never,
    keepClaims: false,
    timeoutSeconds: 120,
  };
  await removeCluster({ ...removal, deleteNamespace: made.namespace ? 'made' : 'never', objects: made.objects });
  progress.clear();
  progress.note(`nothing of virtual cluster ${namespace}/${name} is left`);
}

function versionOf(objects: readonly { kind?: string }[]): string {
  const set = objects.find(({ kind }) => kind === 'StatefulSet') as
    { spec: { template: { spec: { containers: { name: string; image: string }[] } } } } | undefined;
  const image = set?.spec.template.spec.containers.find(({ name }) => name === 'kube-apiserver')?.image ?? '';
  return /:v(\d+\.\d+\.\d+)(?:@|$)/.exec(image)?.[1] ?? '';
}
