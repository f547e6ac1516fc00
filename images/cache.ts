import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/**
 * The folder for everything of this project that can be made again: `NESTLING_CACHE`, else `nestling` below
 * `XDG_CACHE_HOME` or `~/.cache`.
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const home = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  return resolve(environment.NESTLING_CACHE || join(home, 'nestling'));
}

/** Whether something is at this path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes a file or folder once: `make` writes to a temporary name, which becomes `path` when it is complete. Several
 * processes may do so at once; the first one's result stays.
 *
 * @returns `path`.
 */
export async function makeOnce(path: string, make: (partial: string) => Promise<void>): Promise<string> {
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const partial = partialName(path);
  try {
    await make(partial);
    await rename(partial, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return path;
}

/** A name beside `path` for what is not complete yet; {@link removeAbandoned} knows it. */
export function partialName(path: string): string {
  return `${path}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** How long an incomplete file stays: nobody can be at work on it after that. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes what killed processes left incomplete in a folder. */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    if (!/\.partial-\d+-[0-9a-f]{8}$/.test(name)) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/**
 * Removes all but the newest `keep` files or folders of `folder` whose names start with `prefix`. Whoever still has a
 * removed file open can go on reading it.
 */
export async function keepNewest(folder: string, prefix: string, keep: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix) && !name.includes('.partial-'));
  if (names.length <= keep) return;
  const aged: { path: string; time: number }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined); // another process may be removing it
    if (found) aged.push({ path, time: found.mtimeMs });
  }
  for (const { path } of aged.sort((a, b) => b.time - a.time).slice(keep))
    await rm(path, { recursive: true, force: true });
}
