import { join } from 'node:path';
import { cachedSyncerBundle } from './bundle';
import type { BinaryName, Item, LayerDefinition, Source } from './catalogue';
import { KUBERNETES_VERSION } from './catalogue';
import { run } from './command';
import { debianTree } from './debian-packages';
import type { FileDigests } from './file-digests';
import { buildGoProgram } from './go-programs';
import type { GoProgram } from './go-programs';
import type { FileContent, Layer, LayerEntry } from './layer';
import { layerOf } from './layer';
import { fileInTree, sharedLibraries, sharedLibrariesIn } from './shared-libraries';

/** What is needed to find the files that the catalogue names. */
export interface ResolveOptions {
  readonly binaries: (name: BinaryName) => Promise<string>;
  /** Gives the path of a program of ours. @default built with Go, once */
  readonly programs?: (name: GoProgram) => Promise<string>;
  /** Cache folder for what has to be fetched or built. */
  readonly cache: string;
  readonly digests: FileDigests;
  /** Entry module of the syncer's bundle. @default syncer/main.ts */
  readonly syncerEntry?: string;
  readonly log: (text: string) => void;
}

const ROOT = { uid: 0, gid: 0 };
const NODE_MAJOR = 24;

/** Turns a layer of the catalogue into files: fetches, builds and bundles what is not in the cache. */
export async function resolveLayer(definition: LayerDefinition, options: ResolveOptions): Promise<Layer> {
  const tree = definition.packages && (await debianTree(definition.packages, options));
  const entries: LayerEntry[] = [];
  for (const item of definition.items) entries.push(...(await resolveItem(item, tree, options)));
  return layerOf(entries);
}

async function resolveItem(item: Item, tree: string | undefined, options: ResolveOptions): Promise<LayerEntry[]> {
  if ('directory' in item) {
    return [{ type: 'directory', path: item.directory, mode: item.mode ?? 0o755, owner: item.owner ?? ROOT }];
  }
  if ('link' in item) return [{ type: 'symlink', path: item.link, target: item.to }];
  if ('applets' in item) {
    const busybox = await fileInTree(needed(tree, item.applets), item.applets);
    const names = (await run(busybox, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox');
    return names.map((name) => ({ type: 'symlink', path: `${item.into}/${name}`, target: item.applets }));
  }
  if ('librariesOf' in item) {
    const program = item.librariesOf;
    const libraries =
      'node' in program
        ? await sharedLibraries(nodeBinary())
        : await sharedLibrariesIn(needed(tree, program.debian), program.debian);
    const entries: LayerEntry[] = [];
    for (const { path, file } of libraries) entries.push(fileEntry(path, 0o755, await content(file, options.digests)));
    return entries;
  }
  const { file, from, mode = 0o644, capabilities = [] } = item;
  const bytes =
    'text' in from
      ? { bytes: Buffer.from(from.text) }
      : await content(await locate(from, tree, options), options.digests);
  return [{ type: 'file', path: file, mode, owner: ROOT, capabilities, content: bytes }];
}

function fileEntry(path: string, mode: number, bytes: FileContent): LayerEntry {
  return { type: 'file', path, mode, owner: ROOT, capabilities: [], content: bytes };
}

async function content(file: string, digests: FileDigests): Promise<FileContent> {
  return { file, ...(await digests.of(file)) };
}

/** The file on this machine that has a source's bytes. */
async function locate(
  from: Exclude<Source, { text: string }>,
  tree: string | undefined,
  options: ResolveOptions,
): Promise<string> {
  if ('binary' in from) return options.binaries(from.binary);
  if ('program' in from) {
    if (options.programs) return options.programs(from.program);
    return buildGoProgram(from.program, { ...options, kubernetesVersion: KUBERNETES_VERSION });
  }
  if ('debian' in from) return fileInTree(needed(tree, from.debian), from.debian);
  if ('node' in from) return nodeBinary();
  const bundle = await cachedSyncerBundle({
    cache: options.cache,
    digests: options.digests,
    log: options.log,
    ...(options.syncerEntry !== undefined && { entry: options.syncerEntry }),
  });
  return from.bundle === 'syncer' ? bundle.file : bundle.licences;
}

function needed(tree: string | undefined, path: string): string {
  if (tree === undefined) throw new Error(`the catalogue takes ${join(path)} from a layer without Debian packages`);
  return tree;
}

/** The Node.js that runs this goes into the syncer's image, so it has to be the one that the syncer is made for. */
function nodeBinary(): string {
  if (process.platform !== 'linux' || !process.version.startsWith(`v${NODE_MAJOR}.`)) {
    throw new Error(
      `the syncer's image takes the Node.js that builds it, which is ${process.version} for ${process.platform}: ` +
        `build it with Node.js ${NODE_MAJOR} on Linux (node tasks/run.mjs does)`,
    );
  }
  return process.execPath;
}
