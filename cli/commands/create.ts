import type { Command } from 'commander';
import type { Namespace } from 'kubernetes-types/core/v1';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterNameProblem, controlPlaneNames, namespaceNameProblem } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import type { AnyObject, KubeClient } from '../../syncer/kube-client';
import { apply, refuseForeign, typed } from '../apply';
import { planCluster, withSettings } from '../cluster-objects';
import type { Flags } from '../command';
import type { Context } from '../context';
import { Failure, UsageFailure } from '../failure';
import type { HostCluster } from '../host';
import { addClusterFlags, givesSettings, settingsFrom } from '../cluster-settings';
import { MADE_ANNOTATION, claimsOf, removeCluster } from '../remove-cluster';
import { findClusters } from '../virtual-clusters';
import type { FoundCluster } from '../virtual-clusters';
import { waitReady } from '../wait-ready';

/** On an anchor, `true`: another run of `create` than the one that made it counts on the cluster, so Ctrl-C there takes nothing away. */
const SHARED_ANNOTATION = 'nestling.dev/counted-on';

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
One that is there is left as it is, and waited for. Ctrl-C takes away what this run has
made so far, unless another run counts on it, too.

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
  let found = await there(host, name, namespace, signal);
  if (found?.status === 'Deleting')
    throw new Failure(`virtual cluster ${namespace}/${name} is being deleted: wait until it is gone`);
  if (found?.status === 'Paused') {
    throw new Failure(
      `virtual cluster ${namespace}/${name} is there and paused: wake it with nestling resume ${name} -n ${namespace}`,
    );
  }
  const isThere = `virtual cluster ${namespace}/${name} is there already, and stays as it is`;
  if (found !== undefined) {
    progress.note(isThere);
    if (found.status === 'Starting') await countOn(host.client, name, namespace, signal);
  }
  const again = `nestling create ${name} -n ${namespace}${givesSettings(flags) ? ' and the same flags' : ''}`;
  const made: Made = { namespace: false, begun: false, anchor: undefined, olderClaims: new Set() };
  let timeLeft = timeoutSeconds;
  try {
    if (found === undefined) {
      progress.waiting(`making virtual cluster ${name} in namespace ${namespace}`);
      const limits = { timeoutSeconds, progress, signal };
      made.namespace = await ensureNamespace(host.client, namespace, flags['createNamespace'] !== false, limits);
      const all = await typed(host.client, objects, signal);
      const before = await refuseForeign(host.client, all, name, signal);
      const claims = await claimsOf(host.client, name, namespace, signal);
      const anchor = await makeAnchor(host.client, name, objects);
      made.begun = true;
      // What was there before is gone on with, but is not this run's to take away; nor is data that it cannot tell apart.
      if (anchor !== undefined && before === 0 && claims !== undefined) {
        made.anchor = anchor;
        made.olderClaims = new Set(claims.map(({ metadata }) => metadata?.uid ?? ''));
      }
      signal.throwIfAborted();
      if (anchor === undefined) {
        // Another run was quicker, or one was interrupted.
        await countOn(host.client, name, namespace, signal);
        found = await there(host, name, namespace, signal);
      }
      if (found === undefined) await apply(host.client, all, signal);
      else progress.note(isThere);
      timeLeft = Math.max(1, timeoutSeconds - Math.floor((Date.now() - started) / 1000));
    }
    if (flags['wait'] !== false) {
      await waitReady({ client: host.client, name, namespace, progress, signal, timeoutSeconds: timeLeft });
    }
  } catch (error) {
    progress.clear();
    if (signal.aborted) await takeAway(context, host, name, namespace, made);
    else if (made.namespace || made.begun || found !== undefined) {
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
interface Made {
  namespace: boolean;
  /** Whether it went as far as to make objects. */
  begun: boolean;
  /** UID of the anchor that this run made, of a cluster of which nothing was there; undefined: nothing is its own. */
  anchor: string | undefined;
  /** UIDs of claims that were there before: an earlier cluster's, with its data. */
  olderClaims: ReadonlySet<string>;
}

/**
 * Makes the anchor by POST: of several runs at once, one makes it, and the cluster is that run's.
 *
 * @returns its UID; undefined: it was there
 */
async function makeAnchor(
  client: KubeClient,
  name: string,
  objects: readonly AnyObject[],
): Promise<string | undefined> {
  const { anchor } = controlPlaneNames(name);
  const planned = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name === anchor);
  if (planned === undefined) throw new Error(`the manifests of virtual cluster ${name} have no ConfigMap ${anchor}`);
  try {
    // Without the signal: whether it was made must be known also after Ctrl-C.
    return (await client.create(resources.configMaps, planned)).metadata?.uid;
  } catch (error) {
    if (ApiError.is(error, 'AlreadyExists')) return undefined;
    throw error;
  }
}

/** Says on the anchor that this run counts on a cluster that another one may be making. */
async function countOn(client: KubeClient, name: string, namespace: string, signal: AbortSignal): Promise<void> {
  try {
    await client.patch(
      resources.configMaps,
      { namespace, name: controlPlaneNames(name).anchor, type: 'merge', signal },
      { metadata: { annotations: { [SHARED_ANNOTATION]: 'true' } } },
    );
  } catch (error) {
    // Who may only look waits all the same.
    if (!ApiError.is(error, 'NotFound', 'Forbidden')) throw error;
  }
}

/** Whether what is there is this run's alone. */
async function isOwn(client: KubeClient, name: string, namespace: string, { anchor }: Made): Promise<boolean> {
  if (anchor === undefined) return false;
  try {
    const { metadata } = await client.get(resources.configMaps, { namespace, name: controlPlaneNames(name).anchor });
    return metadata?.uid === anchor && metadata.annotations?.[SHARED_ANNOTATION] !== 'true';
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return false;
    throw error;
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
  { progress, signal, timeoutSeconds }: Pick<Context, 'progress' | 'signal'> & { readonly timeoutSeconds: number },
): Promise<boolean> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    try {
      const { metadata } = await client.get<Namespace>(resources.namespaces, { name, signal });
      if (metadata?.deletionTimestamp === undefined) return false;
      progress.waiting(`waiting for the old namespace ${name} to be gone`);
      if (Date.now() > deadline) {
        throw new Failure(
          `the old namespace ${name} is not gone after ${timeoutSeconds} s: see its conditions with kubectl get namespace ${name} -o yaml`,
        );
      }
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
  if (!made.namespace && !made.begun) return;
  const later = `nestling create ${name} -n ${namespace} goes on, nestling delete ${name} -n ${namespace} takes it away`;
  if (made.begun && !(await isOwn(host.client, name, namespace, made))) {
    progress.note(
      `interrupted: what there is of virtual cluster ${namespace}/${name} is not this run's alone, and stays: ${later}`,
    );
    return;
  }
  progress.note(`interrupted: taking away what was made (Ctrl-C again leaves it: ${later})`);
  const removed = await removeCluster({
    client: host.client,
    name,
    namespace,
    progress,
    signal: new AbortController().signal,
    keepClaims: made.olderClaims,
    timeoutSeconds: 120,
    deleteNamespace: made.namespace ? 'if empty' : 'never',
    objects: made.begun,
  });
  progress.clear();
  const { keptClaims, namespaceKept } = removed;
  if (keptClaims.length > 0) progress.note(`claims that were there before stay: ${keptClaims.join(', ')}`);
  if (namespaceKept !== undefined) progress.note(`namespace ${namespace} stays: ${namespaceKept}`);
  progress.note(`nothing of virtual cluster ${namespace}/${name} is left${keptClaims.length > 0 ? ' but these' : ''}`);
}

function versionOf(objects: readonly { kind?: string }[]): string {
  const set = objects.find(({ kind }) => kind === 'StatefulSet') as
    { spec: { template: { spec: { containers: { name: string; image: string }[] } } } } | undefined;
  const image = set?.spec.template.spec.containers.find(({ name }) => name === 'kube-apiserver')?.image ?? '';
  return /:v(\d+\.\d+\.\d+)(?:@|$)/.exec(image)?.[1] ?? '';
}
