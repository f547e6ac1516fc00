import type { Command } from 'commander';
import { KUBERNETES_VERSIONS } from '../../syncer/configuration';
import { changeData, changeLines, changesOf } from '../changes';
import { planCluster, withSettings } from '../cluster-objects';
import { addClusterFlags, settingsFrom } from '../cluster-settings';
import type { Flags } from '../command';
import type { Context } from '../context';
import { explainError } from '../explain-error';
import { Failure, Interrupted } from '../failure';
import { runnable, storedSettings, unknownSettings } from '../stored-settings';
import { findCluster } from '../virtual-clusters';

/** As `kubectl diff` has them. */
const CODES = { same: 0, differs: 1, failed: 2 } as const;

export function describe(command: Command): void {
  command.argument('<name>', 'name of the virtual cluster');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
Without --file, the settings are those that create or upgrade used last. Flags change them. Nothing is written: the host makes a dry
run, which needs the right to patch. Only fields that the manifests have count. Ends with 0 where nothing differs, 1 where something
does, 2 when it could not be told.

  nestling diff my-vc1
  nestling diff my-vc1 --file vc.ts --output json`,
  );
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<number> {
  try {
    return await compare(context, String(given), flags);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const { message } = explainError(error, await context.host().catch(() => undefined));
    throw new Failure(message, { exitCode: CODES.failed, cause: error });
  }
}

async function compare({ host: openHost, output, signal }: Context, given: string, flags: Flags): Promise<number> {
  const host = await openHost();
  const place = await findCluster(host, given, signal);
  const { name, namespace } = place;
  const stored = await storedSettings(host.client, place, signal);
  if (stored === undefined && flags['file'] === undefined) throw unknownSettings(name);
  const settings = await settingsFrom(flags, stored);
  const former = stored === undefined ? undefined : runnable(stored);
  if (settings['version'] === stored?.['version'] && former?.['version'] !== stored?.['version']) {
    throw new Failure(
      `virtual cluster ${name} has Kubernetes ${String(stored?.['version'])}, which this release does not run (it runs ${KUBERNETES_VERSIONS.join(', ')}): go to one of those with nestling upgrade ${name} -n ${namespace}`,
    );
  }
  const plan = await planCluster(name, namespace, settings);
  const changes = await changesOf({
    client: host.client,
    cluster: name,
    // Where the annotation is not, nobody misses it.
    objects: stored === undefined ? plan.objects : withSettings(plan, settings),
    former: former === undefined ? [] : (await planCluster(name, namespace, former)).objects,
    signal,
  });
  output.result({ name, namespace, differs: changes.length > 0, changes: changeData(changes) }, () =>
    changes.length === 0 ? `virtual cluster ${name} is as its settings say` : changeLines(changes).join('\n'),
  );
  return changes.length === 0 ? CODES.same : CODES.differs;
}
