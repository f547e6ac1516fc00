import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { addClusterFlags, settingsFrom } from '../cluster-settings';
import { planCluster } from '../cluster-objects';
import type { Flags } from '../command';
import type { Context } from '../context';
import { Failure } from '../failure';

export function describe(command: Command): void {
  command
    .argument('[name]', 'name of the virtual cluster; else that of the settings file')
    .option('-d, --dir <folder>', 'write NAME.yaml there instead of printing it');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
Equal settings give equal bytes. No host is asked: the namespace comes from --namespace or the settings file.

  nestling synth my-vc1 --namespace team-a --file vc.ts --dir deploy
  nestling synth my-vc1 --namespace team-a | kubectl apply --server-side -f -`,
  );
}

export async function run({ output, hostFlags }: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const settings = await settingsFrom(flags);
  const name = (given as string | undefined) ?? (settings['name'] as string | undefined);
  const namespace = hostFlags.namespace ?? (settings['namespace'] as string | undefined);
  if (name === undefined) throw new Failure('the virtual cluster has no name: give one, or name in the settings file');
  if (namespace === undefined) {
    throw new Failure('the virtual cluster has no host namespace: give --namespace, or namespace in the settings file');
  }
  const { objects, yaml } = await planCluster(name, namespace, settings);
  const folder = flags['dir'] as string | undefined;
  if (folder === undefined) {
    output.result(objects, () => yaml);
    return;
  }
  const file = join(folder, `${name}.yaml`);
  const changed = await writeWhenChanged(folder, file, yaml);
  output.result({ file, changed, objects: objects.length }, () =>
    changed ? `${file} is written: ${objects.length} objects` : `${file} is as it was: ${objects.length} objects`,
  );
}

/** A file that did not change keeps its time. @returns whether it was written */
async function writeWhenChanged(folder: string, file: string, text: string): Promise<boolean> {
  try {
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return false;
    await mkdir(folder, { recursive: true });
    await writeFile(file, text);
    return true;
  } catch (error) {
    throw new Failure(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}): choose another --dir`, {
      cause: error,
    });
  }
}
