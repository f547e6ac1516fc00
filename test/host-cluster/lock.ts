import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from './process-identity';
import { identify, isAlive } from './process-identity';

/** Another living process has the lock. */
export class LockedError extends Error {
  constructor(
    readonly file: string,
    readonly holder: ProcessIdentity,
  ) {
    super(`${file} is held by process ${holder.pid}`);
    this.name = 'LockedError';
  }
}

function holderOf(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

/** Takes the lock, also from a process that died with it; gives the living holder when there is one. */
function take(file: string): ProcessIdentity | undefined {
  const own = `${file}.${process.pid}`;
  for (;;) {
    mkdirSync(dirname(file), { recursive: true });
    try {
      // Written first and linked then: the lock never exists without its holder's identity in it.
      writeFileSync(own, JSON.stringify(identify(process.pid)));
      linkSync(own, file);
      return undefined;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') continue; // the directory was removed by the process that let the lock go
      if (code !== 'EEXIST') throw error;
      const holder = holderOf(file);
      if (holder && isAlive(holder)) return holder;
      rmSync(file, { force: true });
    } finally {
      rmSync(own, { force: true });
    }
  }
}

/**
 * Runs something while no other process does under the same lock file; the file is gone afterwards, and its directory
 * too when that is empty.
 *
 * @param file the lock
 * @param options `wait`: called once when another process has it, then waits; without it the call fails instead
 * @throws LockedError when another living process has it and `wait` is not given
 */
export async function withLock<T>(
  file: string,
  options: { wait?: (holder: ProcessIdentity) => void; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  for (let holder = take(file); holder; holder = take(file)) {
    if (!options.wait) throw new LockedError(file, holder);
    if (!told) options.wait(holder);
    told = true;
    await sleep(200, undefined, { signal: options.signal });
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
    try {
      rmdirSync(dirname(file));
    } catch {
      // others have files in it
    }
  }
}
