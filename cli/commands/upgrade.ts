import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { KUBERNETES_VERSIONS, rollingUpgradeProblem, upgradeProblem } from '../../syncer/configuration';
import { ApiError } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { apply, objectName, refuseForeign, typed } from '../apply';
import { changeData, changeLines, changesOf } from '../changes';
import type { Change } from '../changes';
import { planCluster, withSettings } from '../cluster-objects';
import type { PlannedCluster } from '../cluster-objects';
import { addClusterFlags, givesSettings, settingsFrom } from '../cluster-settings';
import type { Flags } from '../command';
import type { Context } from '../context';
import { EXIT, Failure, UsageFailure } from '../failure';
import { runningConfiguration } from '../running-configuration';
import type { PlainSettings } from '../settings-file';
import { runnable, storedSettings, unknownSettings } from '../stored-settings';
import { findCluster } from '../virtual-clusters';
import type { FoundCluster } from '../virtual-clusters';
import { isBeingRenewed, waitRolledOut } from '../wait-rolled-out';
import { secondsOf } from './create';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .option('-y, --yes', 'do not ask')
    .option('--plan', 'show the plan, and change nothing')
    .option('--no-wait', 'do not wait until the new control plane runs')
    .option('--timeout <seconds>', 'how long to wait', '600');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
Without a flag it goes to the newest version that can follow the present one. With --file the settings become those of the file, with
other flags those that it has now, changed by them. Data and the tenant's pods are kept. Ends with 1 where something is refused.

  nestling upgrade my-vc1
  nestling upgrade my-vc1 --kubernetes-version 1.37 --yes
  nestling upgrade my-vc1 --replicas 3 --plan`,
  );
}

/** What an upgrade would do. */
interface Plan {
  readonly from: string;
  readonly to: string;
  readonly settings: PlainSettings;
  readonly changes: readonly Change[];
  /** What of it cannot be, one line each. */
  readonly refused: readonly string[];
  /** Whether the control plane's pods are renewed. */
  readonly restarts: boolean;
  /** Whether an earlier change has not come to its end: what the manifests say is not what has run. */
  readonly pending: boolean;
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<number> {
  const { output, progress, signal } = context;
  const timeoutSeconds = secondsOf(flags['timeout']);
  const host = await context.host();
  const { client } = host;
  const found = await findCluster(host, String(given), signal);
  const { name, namespace } = found;
  if (found.status === 'Deleting')
    throw new Failure(`virtual cluster ${namespace}/${name} is being deleted: create it again when it is gone`);
  if (found.status === 'Paused') {
    throw new Failure(
      `virtual cluster ${namespace}/${name} is paused: wake it first with nestling resume ${name} -n ${namespace}`,
    );
  }
  progress.waiting(`comparing the settings with the host`);
  const plan = await planOf(context, found, flags);
  progress.clear();
  const data = { name, namespace, from: plan.from, to: plan.to, restarts: plan.restarts, refused: plan.refused };
  const tell = (applied: boolean, text: string): void =>
    output.result({ ...data, applied, changes: changeData(plan.changes) }, () => text);
  if (plan.refused.length > 0) {
    tell(false, planText(found, plan));
    return EXIT.failed;
  }
  if (plan.changes.length === 0) {
    // One that was interrupted may still be at it.
    if (flags['plan'] !== true && flags['wait'] !== false) {
      await waitRolledOut({ client, name, namespace, progress, signal, timeoutSeconds });
    }
    tell(
      false,
      plan.pending && (flags['plan'] === true || flags['wait'] === false)
        ? `virtual cluster ${name} is as its settings say, and still goes to Kubernetes ${plan.to}: nothing to do but to wait`
        : `virtual cluster ${name} runs Kubernetes ${plan.to} and is as its settings say: nothing to do`,
    );
    return EXIT.ok;
  }
  if (flags['plan'] === true) {
    tell(false, planText(found, plan));
    return EXIT.ok;
  }
  if (flags['yes'] !== true) await confirmed(context, planText(found, plan));
  progress.waiting('applying');
  await applyPlan(context, found, plan);
  if (flags['wait'] !== false) {
    await waitRolledOut({ client, name, namespace, progress, signal, timeoutSeconds });
  }
  progress.clear();
  tell(
    true,
    flags['wait'] === false
      ? `virtual cluster ${name} is changed, and goes to Kubernetes ${plan.to}`
      : `virtual cluster ${name} runs Kubernetes ${plan.to}`,
  );
  return EXIT.ok;
}

async function planOf({ host: openHost, signal }: Context, found: FoundCluster, flags: Flags): Promise<Plan> {
  const { client } = await openHost();
  const { name, namespace, version: from } = found;
  const stored = await storedSettings(client, found, signal);
  if (stored === undefined && flags['file'] === undefined) throw unknownSettings(name);
  const base = stored === undefined ? undefined : runnable(stored);
  const given = await settingsFrom(flags, base);
  const pending = isBeingRenewed(found.statefulSet);
  const next = pending ? from || given['version'] : newest(from, given);
  const settings = givesSettings(flags) ? given : runnable({ ...given, version: next });
  const before = base === undefined ? undefined : await planCluster(name, namespace, base);
  const now = await planCluster(name, namespace, settings);
  const to = now.construct.spec.configuration.virtualCluster.version;
  const replicas = Math.max(found.statefulSet.spec?.replicas ?? 1, now.construct.spec.replicas);
  // Images without a tag do not say what they are; the pod then refuses by itself.
  const versions =
    from === ''
      ? []
      : [
          upgradeProblem(from, to) ??
            rollingUpgradeProblem(from, to, replicas) ??
            (pending ? pendingProblem(found, from, to) : undefined),
        ];
  const refused = [
    ...versions.flatMap((problem) => (problem === undefined ? [] : [`version: ${JSON.stringify(to)}: ${problem}`])),
    ...(await lockedProblems(client, found, before, now, signal)),
  ];
  // What is refused anyhow is not asked of the host.
  const changes =
    refused.length > 0
      ? []
      : await changesOf({
          client,
          cluster: name,
          objects: withSettings(now, settings),
          former: before?.objects ?? [],
          signal,
        });
  const hosts = changes
    .filter(({ kind }) => kind === 'refused')
    .map(({ object, reason }) => `${objectName(object)}: ${reason}`);
  const restarts = changes.some(
    ({ object, fields }) =>
      object.kind === 'StatefulSet' && fields.some(({ path }) => path.startsWith('spec.template.')),
  );
  return { from, to, settings, changes, refused: [...refused, ...hosts], restarts, pending };
}

/**
 * What of the new settings a running cluster could not take. Where its old ones are not kept, its objects say what it is.
 *
 * @throws Failure where they do not
 */
async function lockedProblems(
  client: KubeClient,
  found: FoundCluster,
  before: PlannedCluster | undefined,
  now: PlannedCluster,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { lockedChanges, lockedChangesOfRunning } = await import('../../constructs/index.js');
  if (before !== undefined) return lockedChanges(before.construct, now.construct);
  try {
    const configuration = await runningConfiguration(client, found, signal);
    return lockedChangesOfRunning({ configuration, statefulSet: found.statefulSet }, now.construct);
  } catch (error) {
    signal.throwIfAborted();
    const { name } = found;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(
      `what virtual cluster ${name} cannot have changed is not known, and nothing is changed (${reason}): apply the manifests that it was made with again, and then its new ones from the same place`,
      { cause: error },
    );
  }
}

/** Another minor may only follow what has run: of the one in the manifests that is not known before all pods were ready. */
function pendingProblem({ name, namespace }: FoundCluster, from: string, to: string): string | undefined {
  const minor = (version: string): string => version.split('.').slice(0, 2).join('.');
  if (minor(from) === minor(to)) return undefined;
  return `cannot follow ${from} before all pods of the control plane have run it: wait for them with nestling upgrade ${name} -n ${namespace}, then go on`;
}

/** The newest version that can follow the present one. */
function newest(from: string, settings: PlainSettings): string {
  const following = KUBERNETES_VERSIONS.filter((version) => upgradeProblem(from, version) === undefined);
  return following.at(-1) ?? String(settings['version'] ?? from);
}

function planText({ name, namespace }: FoundCluster, { from, to, changes, refused, restarts }: Plan): string {
  const version = from === to || from === '' ? `Kubernetes ${to}` : `Kubernetes ${from} → ${to}`;
  const lines = [`virtual cluster ${namespace}/${name}: ${version}`];
  if (refused.length > 0) return [...lines, 'refused:', ...refused.map((line) => `  ${line}`)].join('\n');
  lines.push('changes on the host:', ...changeLines(changes).map((line) => `  ${line}`));
  lines.push(
    restarts
      ? "restarts: the control plane's pods are renewed; with one replica its API is away meanwhile. Data and the tenant's pods stay"
      : 'restarts: nothing',
  );
  return lines.join('\n');
}

/** @throws Failure when the answer is no, UsageFailure where nobody can be asked */
async function confirmed({ stderr, signal }: Context, plan: string): Promise<void> {
  stderr.write(`${plan}\n`);
  if (process.stdin.isTTY !== true) {
    throw new UsageFailure('there is no terminal to ask on: look at the plan above, and run it again with --yes');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('go on? [y/N] ', { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('nothing is changed');
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}

async function applyPlan(
  { host: openHost, signal }: Context,
  { name, namespace }: FoundCluster,
  plan: Plan,
): Promise<void> {
  const { client } = await openHost();
  const objects = withSettings(await planCluster(name, namespace, plan.settings), plan.settings);
  const all = await typed(client, objects, signal);
  await refuseForeign(client, all, name, signal);
  // Before the settings are written: what is not gone then, the next run would not miss.
  await remove(client, plan.changes, signal);
  await apply(client, all, signal);
}

/** @throws ApiError where one cannot go, or another one stands in its place by now */
async function remove(client: KubeClient, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  for (const { kind, object, type, uid } of changes) {
    if (kind !== 'removed') continue;
    const { name = '', namespace } = object.metadata ?? {};
    const at = { name, namespace: type.namespaced ? namespace : undefined };
    try {
      await client.delete(type, { ...at, uid, propagationPolicy: 'Background', signal });
    } catch (error) {
      // Gone meanwhile.
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}
