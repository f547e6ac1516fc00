import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { build, version } from 'esbuild';
import { z } from 'zod';
import { exists, keepNewest, makeOnce, partialName } from './cache';
import type { FileDigests } from './file-digests';

const ROOT = dirname(__dirname);

/** The syncer's entry module. */
export const SYNCER_ENTRY = join(ROOT, 'syncer', 'main.ts');

/**
 * One CommonJS file. Names stay as written and lines short, for stack traces; white space goes, as Node.js keeps the
 * whole text in memory (4 MB less). A module that is reached by `await import()` only is evaluated when it is reached.
 */
const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  keepNames: true,
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  minifyIdentifiers: false,
  legalComments: 'external',
  sourcemap: false,
  absWorkingDir: ROOT,
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** A bundle that was made. */
export interface SyncerBundle {
  /** The JavaScript file. */
  readonly outfile: string;
  /** Its length. */
  readonly bytes: number;
  /** Every source file that went in, absolute. */
  readonly inputs: readonly string[];
}

/**
 * Bundles the syncer into one file that needs nothing but Node.js 24. Licence comments of the packages in it go to a
 * file beside it, with `.LEGAL.txt` added to the name; it is always there, and may be empty.
 *
 * @throws Error with esbuild's messages, each with file and line.
 */
export async function bundleSyncer(options: {
  readonly outfile: string;
  /** @default syncer/main.ts of this repository */
  readonly entry?: string;
}): Promise<SyncerBundle> {
  const { outfile, entry = SYNCER_ENTRY } = options;
  if (!(await exists(entry))) throw new Error(`the syncer's entry module ${entry} does not exist`);
  const { metafile } = await build({ ...OPTIONS, entryPoints: [entry], outfile, metafile: true });
  const output = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
  if (!(await exists(legalFile(outfile)))) await writeFile(legalFile(outfile), '');
  // Modules that package.json files switch off have no file: esbuild names them `(disabled):…`.
  const inputs = Object.keys(metafile.inputs).filter((path) => !/^[\w()-]+:/.test(path));
  return { outfile, bytes: output?.bytes ?? 0, inputs: inputs.map((path) => join(ROOT, path)) };
}

function legalFile(outfile: string): string {
  return `${outfile}.LEGAL.txt`;
}

/** What a bundle was made of; when nothing of it changed, neither did the bundle. */
const recordSchema = z.object({
  settings: z.string(),
  output: z.string().regex(/^[0-9a-f]{16}$/),
  inputs: z.array(z.tuple([z.string(), z.string()])),
});

/** Bundles that are kept: a branch or two back and forth. */
const KEPT = 3;

/**
 * The syncer's bundle from the cache, made anew when a source file, a package or a setting changed.
 *
 * @returns the JavaScript file and the file with licence texts.
 */
export async function cachedSyncerBundle(options: {
  readonly cache: string;
  readonly entry?: string;
  readonly digests: FileDigests;
  readonly log: (text: string) => void;
}): Promise<{ file: string; licences: string }> {
  const { cache, entry = SYNCER_ENTRY, digests, log } = options;
  const folder = join(cache, 'bundles');
  const recordFile = join(folder, `record-${sha256(entry).slice(0, 16)}.json`);
  const settings = await settingsIdentity(digests);
  const known = await readFile(recordFile, 'utf8').then(
    (text) => recordSchema.safeParse(JSON.parse(text)).data,
    () => undefined,
  );
  if (known?.settings === settings) {
    const outfile = join(folder, `syncer-${known.output}`, 'syncer.js');
    if ((await exists(outfile)) && (await unchanged(known.inputs, digests))) return found(outfile);
  }

  const started = Date.now();
  await mkdir(folder, { recursive: true });
  const partial = partialName(join(folder, 'syncer'));
  try {
    await mkdir(partial);
    const bundle = await bundleSyncer({ outfile: join(partial, 'syncer.js'), entry });
    const output = sha256(await readFile(bundle.outfile)).slice(0, 16);
    const inputs: [string, string][] = [];
    for (const input of bundle.inputs) inputs.push([input, (await digests.of(input)).digest]);
    const target = join(folder, `syncer-${output}`);
    await makeOnce(target, (name) => rename(partial, name));
    await writeFile(`${partial}.json`, JSON.stringify({ settings, output, inputs }));
    await rename(`${partial}.json`, recordFile);
    log(
      `bundled the syncer: ${(bundle.bytes / 1024).toFixed(0)} KiB of ${inputs.length} files in ${Date.now() - started} ms`,
    );
    await keepNewest(folder, 'syncer-', KEPT);
    return found(join(target, 'syncer.js'));
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function found(outfile: string): { file: string; licences: string } {
  return { file: outfile, licences: legalFile(outfile) };
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** All but the sources that a bundle depends on: options, esbuild, and which packages are installed. */
async function settingsIdentity(digests: FileDigests): Promise<string> {
  const lock = await digests.of(join(ROOT, 'package-lock.json'));
  const typescript = await digests.of(join(ROOT, 'tsconfig.json'));
  return sha256(JSON.stringify([OPTIONS, version, lock.digest, typescript.digest]));
}

async function unchanged(inputs: readonly (readonly [string, string])[], digests: FileDigests): Promise<boolean> {
  for (const [path, digest] of inputs) {
    const now = await digests.of(path).catch(() => undefined); // removed or renamed
    if (now?.digest !== digest) return false;
  }
  return true;
}
