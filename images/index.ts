import { createHash } from 'node:crypto';
import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, exists, keepNewest, makeOnce, removeAbandoned } from './cache';
import type { BinaryName, ImageName } from './catalogue';
import { imageDefinition, imageNames } from './catalogue';
import { FileDigests } from './file-digests';
import type { GoProgram } from './go-programs';
import type { Layer } from './layer';
import { layerIdentity } from './layer';
import type { OciImage } from './oci-archive';
import { writeOciArchive } from './oci-archive';
import type { ResolveOptions } from './resolve';
import { resolveLayer } from './resolve';

export { bundleSyncer } from './bundle';
export type { BinaryName, ImageName } from './catalogue';
export { imageDefinition, imageNames, KUBERNETES_VERSION } from './catalogue';

/** An image as an OCI archive. */
export interface BuiltImage {
  /** Full name, `registry.k8s.io/pause:3.10`. */
  readonly name: string;
  /** The archive's path: `ctr images import` takes it. The name changes when the content does. */
  readonly archive: string;
}

/** What {@link buildImages} takes. */
export interface BuildOptions {
  /** Gives the path of a static Linux binary for this machine; asked only for what the images need. */
  readonly binaries: (name: BinaryName) => Promise<string>;
  /** Gives the path of a program that is built here. @default built with Go, once */
  readonly programs?: (name: GoProgram) => Promise<string>;
  /** @default all of the catalogue */
  readonly names?: readonly ImageName[];
  /**
   * Gives an image another full name than the catalogue's, such as the tag of another version.
   *
   * @default the catalogue's
   */
  readonly rename?: (reference: string) => string;
  /** Takes one line of progress, without a line end. */
  readonly log: (text: string) => void;
  /** Cache folder of the project; archives go to `images/` there. @default NESTLING_CACHE or ~/.cache/nestling */
  readonly cache?: string;
  /** Entry module of the syncer. @default syncer/main.ts of this repository */
  readonly syncerEntry?: string;
}

/** Changes when the archive's format does, so that archives of older formats are not found. */
const FORMAT = 1;

/** Archives of one image that are kept: the present one and a few before it. */
const KEPT = 3;

/**
 * Makes the images without a container engine: an archive per image, in the cache, under a name made of all that is
 * in it. Nothing is read or written for an image that is there already, but the state of the files it is made of.
 *
 * @returns one image per name, in the order of the names.
 * @throws Error that names what is missing (apt, Go, a binary, a Debian package) and the remedy.
 */
export async function buildImages(options: BuildOptions): Promise<BuiltImage[]> {
  const { names = imageNames, cache = cacheDirectory() } = options;
  const folder = join(cache, 'images');
  await mkdir(folder, { recursive: true });
  const digests = new FileDigests(join(folder, 'file-digests.json'));
  const resolve: ResolveOptions = { ...options, cache, digests };
  try {
    const images: BuiltImage[] = [];
    for (const name of names) images.push(await buildImage(name, folder, resolve, options));
    return images;
  } finally {
    await digests.save();
    await removeAbandoned(folder);
  }
}

async function buildImage(
  name: ImageName,
  folder: string,
  resolve: ResolveOptions,
  { log, rename = (reference) => reference }: BuildOptions,
): Promise<BuiltImage> {
  const definition = imageDefinition(name);
  const layers: Layer[] = [];
  for (const layer of definition.layers) layers.push(await resolveLayer(layer, resolve));
  const { run } = definition;
  const reference = rename(definition.reference);
  const image: OciImage = { reference, run, architecture: architecture(), layers };
  const prefix = `${reference.replace(/[^\w.-]/g, '_')}-`;
  const archive = join(folder, `${prefix}${identity(image)}.tar`);
  if (await exists(archive)) {
    const now = new Date();
    await utimes(archive, now, now); // it is in use: older ones go first
  } else {
    const started = Date.now();
    await makeOnce(archive, async (partial) => void (await writeOciArchive(partial, image)));
    log(`made image ${reference} in ${Date.now() - started} ms`);
    await keepNewest(folder, prefix, KEPT);
  }
  return { name: reference, archive };
}

/** 16 hex digits that are equal exactly when the archives are. */
function identity(image: OciImage): string {
  const parts = [FORMAT, image.reference, image.architecture, image.run, image.layers.map(layerIdentity)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

function architecture(): OciImage['architecture'] {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`images are made for x64 and arm64, not for ${process.arch}`);
}
