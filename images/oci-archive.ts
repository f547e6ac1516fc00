import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Layer, TarPiece } from './layer';
import { layerPieces, layerSize } from './layer';
import { encodeTarHeader, tarPadding, TAR_BLOCK, TAR_END } from './tar';

/** How containers of an image run where a pod says nothing else: the OCI image configuration's `config`. */
export interface RunConfiguration {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  /** `uid`, `uid:gid` or a name from the image's /etc/passwd; absent means root. */
  readonly user?: string;
  /** @default '/' */
  readonly workingDirectory?: string;
  /** `80/tcp` each. */
  readonly exposedPorts?: readonly string[];
  /** @default 'SIGTERM' */
  readonly stopSignal?: string;
}

/** All that an image consists of. */
export interface OciImage {
  /** Full name with registry and tag, as the container runtime stores it: `registry.k8s.io/pause:3.10`. */
  readonly reference: string;
  readonly architecture: 'amd64' | 'arm64';
  readonly layers: readonly Layer[];
  readonly run: RunConfiguration;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

const CHUNK = 1 << 20;

/**
 * Writes an image as an OCI image layout in a tar archive, which `ctr images import`, `podman load` and `docker load`
 * (containerd store) read. The same image gives the same bytes. Layers are not compressed: they are read once, from
 * the local disk.
 *
 * @param file path of the new file; it must not exist
 * @returns the manifest's digest, `sha256:…`.
 * @throws Error when a file changed its length since the image was described; what was written so far stays.
 */
export async function writeOciArchive(file: string, image: OciImage): Promise<string> {
  const handle = await open(file, 'wx', 0o644);
  try {
    return await writeImage(new ArchiveWriter(handle), image);
  } finally {
    await handle.close();
  }
}

async function writeImage(writer: ArchiveWriter, image: OciImage): Promise<string> {
  await writer.entry('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  const layers: Descriptor[] = [];
  const written = new Set<string>();
  for (const layer of image.layers) {
    const { digest, size } = await writer.blob(layerPieces(layer), layerSize(layer));
    if (written.has(digest)) throw new Error(`image ${image.reference} has the same layer twice`);
    written.add(digest);
    layers.push({ mediaType: MEDIA.layer, digest, size });
  }
  const config = await writer.document(MEDIA.config, {
    created: '1970-01-01T00:00:00Z',
    architecture: image.architecture,
    os: 'linux',
    config: ociConfig(image.run),
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = await writer.document(MEDIA.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config,
    layers,
  });
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: [
      {
        ...manifest,
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: {
          'io.containerd.image.name': image.reference,
          'org.opencontainers.image.ref.name': image.reference.slice(image.reference.lastIndexOf(':') + 1),
        },
      },
    ],
  };
  await writer.entry('index.json', json(index));
  await writer.end();
  return manifest.digest;
}

/** The `config` object of an image configuration: Go's names, only what is set. */
function ociConfig(run: RunConfiguration): Record<string, unknown> {
  return {
    ...(run.user !== undefined && { User: run.user }),
    ...(run.exposedPorts && { ExposedPorts: Object.fromEntries(run.exposedPorts.map((port) => [port, {}])) }),
    Env: run.env,
    ...(run.entrypoint && { Entrypoint: run.entrypoint }),
    ...(run.cmd && { Cmd: run.cmd }),
    WorkingDir: run.workingDirectory ?? '/',
    ...(run.stopSignal !== undefined && { StopSignal: run.stopSignal }),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Writes tar entries one after the other; a blob's name, its digest, is filled in after its content went by. */
class ArchiveWriter {
  readonly #handle: FileHandle;
  #position = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async #write(bytes: Buffer): Promise<void> {
    await writeAt(this.#handle, bytes, this.#position);
    this.#position += bytes.length;
  }

  async entry(path: string, content: Buffer): Promise<void> {
    const header = encodeTarHeader({ path, type: 'file', mode: 0o644, size: content.length });
    await this.#write(Buffer.concat([header, content, Buffer.alloc(tarPadding(content.length))]));
  }

  async document(mediaType: string, value: unknown): Promise<Descriptor> {
    const content = json(value);
    return { mediaType, ...(await this.blob([content], content.length)) };
  }

  async blob(pieces: Iterable<TarPiece>, size: number): Promise<{ digest: string; size: number }> {
    const headerAt = this.#position;
    this.#position += TAR_BLOCK;
    const hash = createHash('sha256');
    for (const piece of pieces) {
      if (Buffer.isBuffer(piece)) {
        hash.update(piece);
        await this.#write(piece);
      } else {
        await this.#stream(piece.file, piece.size, (chunk) => hash.update(chunk));
      }
    }
    if (this.#position !== headerAt + TAR_BLOCK + size) throw new Error(`blob of ${size} bytes has another length`);
    await this.#write(Buffer.alloc(tarPadding(size)));
    const digest = hash.digest('hex');
    const header = encodeTarHeader({ path: `blobs/sha256/${digest}`, type: 'file', mode: 0o644, size });
    if (header.length !== TAR_BLOCK) throw new Error(`blob of ${size} bytes is too large for one tar header`);
    await writeAt(this.#handle, header, headerAt);
    return { digest: `sha256:${digest}`, size };
  }

  async #stream(file: string, size: number, seen: (chunk: Buffer) => void): Promise<void> {
    const source = await open(file, 'r');
    try {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size + 1));
      let left = size;
      for (;;) {
        const { bytesRead } = await source.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        left -= bytesRead;
        if (left < 0) break;
        const chunk = buffer.subarray(0, bytesRead);
        seen(chunk);
        await this.#write(chunk);
      }
      if (left !== 0) throw new Error(`${file} changed its length while the image was written; build the images again`);
    } finally {
      await source.close();
    }
  }

  async end(): Promise<void> {
    await this.#write(TAR_END);
  }
}

async function writeAt(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
