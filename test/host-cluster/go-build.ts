import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CommandError, run } from './command';
import { HostClusterError } from './failure';
import { findProgram } from './prerequisites';
import type { Log } from './progress';
import { repeatWhileBusy } from './progress';
import type { BinarySource } from './versions';

/** A program to build: its name, where it comes from and the file that it becomes. */
export interface BuildRequest {
  readonly name: string;
  readonly source: BinarySource;
  readonly target: string;
}

/** A Go module in a go.mod file, as `go mod edit -json` shows it. */
interface ModuleReference {
  readonly Path: string;
  readonly Version?: string;
}

/** What `go mod edit -json` says about a go.mod file. */
export interface ModuleFile {
  readonly Require?: readonly ModuleReference[] | null;
  readonly Replace?: readonly { readonly Old: ModuleReference; readonly New: ModuleReference }[] | null;
}

/**
 * The text of a module that requires one program's module as if it were built in its own repository.
 *
 * Replacements count only in the main module, so they are repeated here. Those that point into the repository are
 * left out where the module is required in a real version; Kubernetes requires its libraries, which it keeps under
 * ./staging, as v0.0.0: they become the published version that belongs to the release.
 *
 * @param source the program
 * @param goVersion of its module, as in its `go` line
 * @param declared the requirements and replacements of its module
 */
export function moduleText(source: BinarySource, goVersion: string, declared: ModuleFile): string {
  const published = source.version.replace(/^v1\./, 'v0.');
  const unversioned = new Set(
    (declared.Require ?? []).filter(({ Version }) => Version === 'v0.0.0').map(({ Path }) => Path),
  );
  const lines = (declared.Replace ?? []).flatMap(({ Old, New }) => {
    const old = Old.Version === undefined ? Old.Path : `${Old.Path} ${Old.Version}`;
    if (!New.Path.startsWith('.')) return [`\t${old} => ${New.Path} ${New.Version ?? ''}`];
    return unversioned.has(Old.Path) ? [`\t${old} => ${Old.Path} ${published}`] : [];
  });
  return [
    'module nestling.dev/build',
    `go ${goVersion}`,
    `require ${source.module} ${source.version}`,
    ...(lines.length > 0 ? ['replace (', ...lines, ')'] : []),
    '',
  ].join('\n');
}

/**
 * Builds programs of one module from source, static and stripped, and puts them in place.
 *
 * @param requests programs of the same module and version
 * @param log what is built, and every 15 s how far it is
 * @throws HostClusterError when there is no Go or the build fails
 */
export async function buildFromModule(
  requests: readonly BuildRequest[],
  log: Log,
  signal?: AbortSignal,
): Promise<void> {
  const [first] = requests;
  if (!first) return;
  const names = requests.map(({ name }) => name).join(', ');
  const go = findGo(names, ', or put binaries into a folder and name it in NESTLING_BINARIES');
  const { source } = first;
  const directory = mkdtempSync(join(dirname(first.target), '.build-'));
  const environment = goEnvironment('mod');
  const goRun = (args: string[], onErrorLine?: (line: string) => void): Promise<string> =>
    run(go, args, { directory, environment, signal, ...(onErrorLine && { onErrorLine }) });
  log(
    `building ${names} ${source.version} from ${source.module} (minutes the first time, seconds with a warm Go cache)`,
  );
  let compiled = 0;
  let step = 'downloading modules';
  const stop = repeatWhileBusy(log, 15, (seconds) => `still building ${names}: ${step} (${seconds} s)`);
  const started = performance.now();
  try {
    // Asked from a module of its own, for there is none to ask from yet.
    writeFileSync(join(directory, 'go.mod'), 'module nestling.dev/build\n');
    const listed = await goRun(['list', '-m', '-json', `${source.module}@${source.version}`]);
    const { GoMod, GoVersion } = JSON.parse(listed) as { GoMod: string; GoVersion?: string };
    const edited = JSON.parse(await goRun(['mod', 'edit', '-json', GoMod])) as ModuleFile;
    writeFileSync(join(directory, 'go.mod'), moduleText(source, GoVersion ?? '1.26.0', edited));
    const packages = requests.map((request) => request.source.package);
    const total = (await goRun(['list', '-deps', ...packages])).split('\n').length;
    const links = Object.entries(source.linkVariables ?? {}).map(([variable, value]) => `-X ${variable}=${value}`);
    const output = join(directory, 'out');
    await goRun(
      ['build', '-v', '-ldflags', ['-s', '-w', ...links].join(' '), '-o', `${output}/`, ...packages],
      (line) => {
        if (/^[\w.-]+(\/[\w.@+~-]+)*$/.test(line)) compiled += 1;
        step = `${compiled} of at most ${total} packages compiled`;
      },
    );
    for (const { name, source: each, target } of requests) {
      // The program is named after its package, without a major version at the end.
      renameSync(join(output, basename(each.package.replace(/\/v\d+$/, ''))), target);
      log(`built ${name} after ${Math.round((performance.now() - started) / 1000)} s`);
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new HostClusterError(
      `building ${names} ${source.version} failed: ${failureLines(error.output)}`,
      'mend that (Go, module proxy, space on disk), or put binaries into a folder and name it in NESTLING_BINARIES',
      { cause: error },
    );
  } finally {
    stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A Go module of this repository to build: its name, its folder and the file that it becomes. */
export interface FolderBuild {
  readonly name: string;
  readonly folder: string;
  readonly target: string;
}

/**
 * Builds the program of a Go module in a folder, static and stripped, from the versions that its go.sum knows.
 *
 * @throws HostClusterError when there is no Go or the build fails
 */
export async function buildFolder(
  { name, folder, target }: FolderBuild,
  log: Log,
  signal?: AbortSignal,
): Promise<void> {
  const go = findGo(name);
  log(`building ${name}`);
  try {
    await run(go, ['build', '-ldflags', '-s -w -buildid=', '-o', target, '.'], {
      directory: folder,
      environment: goEnvironment('readonly'),
      signal,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new HostClusterError(
      `building ${name} failed: ${failureLines(error.output)}`,
      'mend that (Go, module proxy, space on disk)',
      { cause: error },
    );
  }
}

function findGo(names: string, otherwise = ''): string {
  const go = findProgram('go');
  if (go) return go;
  throw new HostClusterError(
    `${names} cannot be built because there is no Go`,
    `install Go 1.26 or newer (https://go.dev/dl)${otherwise}`,
  );
}

/** @param modules whether go.mod may be completed, or is complete: -mod of the go command */
function goEnvironment(modules: 'mod' | 'readonly'): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CGO_ENABLED: '0',
    GOWORK: 'off',
    GOFLAGS: `-mod=${modules} -trimpath -buildvcs=false`,
  };
}

/** The end of a build's output without the names of compiled packages. */
function failureLines(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^[\w.-]+(\/[\w.@+~-]+)*$/.test(line));
  return lines.slice(-5).join(' | ').slice(0, 800);
}
