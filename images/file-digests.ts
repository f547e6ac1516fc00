import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { partialName } from './cache';

const stored = z.record(z.string(), z.object({ stamp: z.string(), digest: z.string().regex(/^[0-9a-f]{64}$/) }));

/** Files that changed less than this before they were read are read again: their time may not show a second change. */
const RACY_MS = 2000;
/** Entries beyond this are dropped, oldest first. */
const MAXIMUM_ENTRIES = 4000;

/**
 * SHA-256 of files, remembered from one run to the next: a file whose device, inode, length and times are unchanged is
 * not read again. With 800 MB of binaries that is the difference between seconds and milliseconds.
 */
export class FileDigests {
  readonly #store: string;
  readonly #known = new Map<string, { stamp: string; digest: string }>();
  #loading: Promise<void> | undefined;
  #changed = false;

  /** @param store JSON file that keeps the digests; made by {@link save}. A damaged one is ignored. */
  constructor(store: string) {
    this.#store = store;
  }

  /** Length and SHA-256 (hex) of a file. */
  async of(path: string): Promise<{ size: number; digest: string }> {
    await (this.#loading ??= this.#load());
    const before = await stat(path, { bigint: true });
    const stamp = [before.dev, before.ino, before.size, before.mtimeNs, before.ctimeNs].join(':');
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return { size: Number(before.size), digest: known.digest };
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    const digest = hash.digest('hex');
    this.#known.delete(path);
    if (Date.now() - Number(before.ctimeMs) > RACY_MS) this.#known.set(path, { stamp, digest });
    this.#changed = true;
    return { size: Number(before.size), digest };
  }

  async #load(): Promise<void> {
    try {
      const entries = stored.parse(JSON.parse(await readFile(this.#store, 'utf8')));
      for (const [path, entry] of Object.entries(entries)) this.#known.set(path, entry);
    } catch {
      // Nothing kept, or nothing usable: every file is read once more.
    }
  }

  /** Writes what was learned to the store, if anything was. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    await mkdir(dirname(this.#store), { recursive: true });
    const partial = partialName(this.#store);
    const kept = [...this.#known].slice(-MAXIMUM_ENTRIES);
    await writeFile(partial, JSON.stringify(Object.fromEntries(kept)));
    await rename(partial, this.#store);
    this.#changed = false;
  }
}
