import { createHash } from 'node:crypto';
import type { TarHeader } from './tar';
import { encodeTarHeader, tarPadding, TAR_END } from './tar';
import type { Capability } from './file-capability';
import { CAPABILITY_XATTR, encodeCapabilities } from './file-capability';

/** User and group id of a file in an image. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Where a layer's file has its bytes: in memory (small), or in a file that is streamed. */
export type FileContent =
  | { readonly bytes: Buffer }
  | {
      readonly file: string;
      readonly size: number;
      /** SHA-256 of the file, in hex: it identifies the layer, so that an unchanged image need not be read again. */
      readonly digest: string;
    };

/** One path of a layer, resolved: nothing more needs to be looked up to write it. */
export type LayerEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number; readonly owner: Owner }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly owner: Owner;
      readonly capabilities: readonly Capability[];
      readonly content: FileContent;
    };

/** A layer's entries with absolute paths, sorted, each parent folder present once. */
export interface Layer {
  readonly entries: readonly LayerEntry[];
}

const ROOT: Owner = { uid: 0, gid: 0 };

/**
 * Orders a layer's entries and adds the folders that hold them (root's, mode 0755) where they are not listed.
 *
 * @throws Error when a path is listed twice or lies below something that is no folder.
 */
export function layerOf(entries: readonly LayerEntry[]): Layer {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    if (byPath.has(entry.path)) throw new Error(`image path ${entry.path} is listed twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      const listed = byPath.get(parent);
      if (!listed) byPath.set(parent, { type: 'directory', path: parent, mode: 0o755, owner: ROOT });
      else if (listed.type !== 'directory')
        throw new Error(`image path ${path} lies below ${parent}, which is a ${listed.type}`);
    }
  }
  return { entries: [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

/** What an entry's content is, in hex: equal exactly when the bytes are. */
function contentDigest(content: FileContent): string {
  return 'bytes' in content ? createHash('sha256').update(content.bytes).digest('hex') : content.digest;
}

/** A string that is equal for two layers exactly when their tar archives are; reads no file. */
export function layerIdentity(layer: Layer): string {
  const lines = layer.entries.map((entry) =>
    entry.type === 'file' ? { ...entry, content: contentDigest(entry.content) } : entry,
  );
  return JSON.stringify(lines);
}

/** A piece of a tar archive: bytes to write, or a file to stream. */
export type TarPiece = Buffer | Extract<FileContent, { file: string }>;

function headerOf(entry: LayerEntry): TarHeader {
  const path = entry.path.slice(1);
  if (entry.type === 'symlink') return { path, type: 'symlink', mode: 0o777, linkTarget: entry.target };
  if (entry.type === 'directory') return { path, type: 'directory', mode: entry.mode, ...entry.owner };
  const { content } = entry;
  return {
    path,
    type: 'file',
    mode: entry.mode,
    ...entry.owner,
    size: 'bytes' in content ? content.bytes.length : content.size,
    ...(entry.capabilities.length > 0 && {
      xattrs: { [CAPABILITY_XATTR]: encodeCapabilities(entry.capabilities) },
    }),
  };
}

/** The layer as an uncompressed tar archive, piece by piece. */
export function* layerPieces(layer: Layer): Generator<TarPiece> {
  for (const entry of layer.entries) {
    const header = headerOf(entry);
    yield encodeTarHeader(header);
    if (entry.type !== 'file') continue;
    yield 'bytes' in entry.content ? entry.content.bytes : entry.content;
    yield Buffer.alloc(tarPadding(header.size ?? 0));
  }
  yield TAR_END;
}

/** Length in bytes of the archive that {@link layerPieces} gives. */
export function layerSize(layer: Layer): number {
  let size = 0;
  for (const piece of layerPieces(layer)) size += Buffer.isBuffer(piece) ? piece.length : piece.size;
  return size;
}
