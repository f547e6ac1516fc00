import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cacheDirectory } from '../../images/cache';
import { download, releasesAllowed, UnreachableError } from './download';
import { HostClusterError } from './failure';
import type { BuildRequest } from './go-build';
import { buildFromModule } from './go-build';
import { withLock } from './lock';
import type { Log } from './progress';
import type { BinaryName, BinarySource, KubernetesMinor } from './versions';
import { BINARIES, binarySource, KUBERNETES_MINOR } from './versions';

/** This machine in Go's names. */
export function goPlatform(): { os: string; architecture: string } {
  const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  const architecture = architectures[process.arch];
  if (!architecture) {
    throw new HostClusterError(
      `there are no binaries for the architecture ${process.arch}`,
      'use a machine with x64 or arm64, or put binaries into a folder and name it in NESTLING_BINARIES',
    );
  }
  return { os: process.platform === 'win32' ? 'windows' : process.platform, architecture };
}

/** Where the cache keeps the programs of one version of one module. */
export function versionDirectory(source: BinarySource, cache: string): string {
  const { os, architecture } = goPlatform();
  const project = basename(source.module.replace(/(\/server|\/pkg)?\/v\d+$/, ''));
  return join(cache, 'versions', `${project}-${source.version}-${os}-${architecture}`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds programs of the test bed: in the folder named by NESTLING_BINARIES, in the cache, in a release that is
 * downloaded and verified, or else by building them from their Go modules into the cache.
 *
 * @param names which ones
 * @param log progress of downloads and builds; silent when all are there
 * @param minor of Kubernetes. Another one than the default comes from its own folder in NESTLING_BINARIES, such as `1.35`
 * @returns path of each
 * @throws HostClusterError when one can be had in no way
 */
export async function resolveBinaries<Name extends BinaryName>(
  names: readonly Name[],
  log: Log,
  signal?: AbortSignal,
  minor: KubernetesMinor = KUBERNETES_MINOR,
): Promise<Record<Name, string>> {
  const found = new Map<Name, string>();
  const folder = process.env['NESTLING_BINARIES'];
  if (folder !== undefined && folder !== '' && !existsSync(folder)) {
    throw new HostClusterError(
      `the folder ${folder} that NESTLING_BINARIES names does not exist`,
      'name one that has the binaries, or unset the variable',
    );
  }
  const cache = cacheDirectory();
  const sources = new Map(names.map((name): [Name, BinarySource] => [name, binarySource(name, minor)]));
  const sourceOf = (name: Name): BinarySource => sources.get(name) ?? BINARIES[name];
  const target = (name: Name): string => join(versionDirectory(sourceOf(name), cache), name);
  const given = (name: Name): string => (sourceOf(name).version === BINARIES[name].version ? name : join(minor, name));
  const look = (): Name[] =>
    names.filter((name) => {
      const candidates = [...(folder ? [resolve(folder, given(name))] : []), target(name)];
      const file = candidates.find(isProgram);
      if (file) found.set(name, file);
      return !file;
    });
  if (look().length > 0) {
    await withLock(
      join(cache, 'binaries.lock'),
      { wait: (holder) => log(`waiting for process ${holder.pid}, which is getting the binaries`), signal },
      async () => {
        const missing = look();
        const wanted = missing.map((name) => ({ name, source: sourceOf(name), target: target(name) }));
        const left = await downloadAll(wanted, log, signal);
        await buildAll(left, log, signal);
      },
    );
    const missing = look();
    if (missing.length > 0) throw new Error(`no binary ${missing.join(', ')} in ${cache} after getting them`);
  }
  return Object.fromEntries(found) as Record<Name, string>;
}

/** Downloads what a release has; gives those that could not be had that way. */
async function downloadAll(wanted: readonly BuildRequest[], log: Log, signal?: AbortSignal): Promise<BuildRequest[]> {
  if (!releasesAllowed()) return [...wanted];
  const left: BuildRequest[] = [];
  const unreachable = new Set<string>();
  for (const one of wanted) {
    const { release } = one.source;
    if (!release || unreachable.has(release.host)) {
      left.push(one);
      continue;
    }
    try {
      await download(one.name, release, one.target, log, signal);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      unreachable.add(release.host);
      log(error.message);
      left.push(one);
    }
  }
  return left;
}

/** Builds programs from source, those of one module and version together. */
async function buildAll(wanted: readonly BuildRequest[], log: Log, signal?: AbortSignal): Promise<void> {
  const modules = new Map<string, BuildRequest[]>();
  for (const one of wanted) {
    const module = `${one.source.module}@${one.source.version}`;
    modules.set(module, [...(modules.get(module) ?? []), one]);
  }
  for (const together of modules.values()) {
    for (const { target } of together) mkdirSync(dirname(target), { recursive: true });
    await buildFromModule(together, log, signal);
  }
}
