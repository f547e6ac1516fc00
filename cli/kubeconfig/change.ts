import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Document } from 'yaml';
import { Failure } from '../failure';

/** How long another program may hold the lock, in ms: kubectl holds it for as long as one write takes. */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;

/** An entry of one of the lists of a kubeconfig. */
export interface NamedEntry {
  readonly name: string;
  readonly [key: string]: unknown;
}

/** Lists of a kubeconfig. */
export type ListName = 'clusters' | 'users' | 'contexts';

/** A kubeconfig file while it is being changed. Comments, order and fields that are not known here stay. */
export class KubeconfigChange {
  constructor(private readonly document: Document) {}

  get currentContext(): string | undefined {
    const value: unknown = this.document.get('current-context');
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  /** @param name undefined: none is current */
  setCurrentContext(name: string | undefined): void {
    if (name === undefined) this.document.delete('current-context');
    else this.document.set('current-context', name);
  }

  /** Puts an entry into a list, in place of one of that name. */
  put(list: ListName, entry: NamedEntry): void {
    const entries = this.#entries(list);
    const index = entries.findIndex(({ name }) => name === entry.name);
    if (index >= 0) this.document.setIn([list, index], this.document.createNode(entry));
    else if (entries.length > 0) this.document.addIn([list], this.document.createNode(entry));
    else this.document.set(list, this.document.createNode([entry]));
  }

  /** @returns whether there was such an entry */
  remove(list: ListName, name: string): boolean {
    const index = this.#entries(list).findIndex((entry) => entry.name === name);
    if (index >= 0) this.document.deleteIn([list, index]);
    return index >= 0;
  }

  find(list: ListName, name: string): NamedEntry | undefined {
    return this.#entries(list).find((entry) => entry.name === name);
  }

  #entries(list: ListName): readonly NamedEntry[] {
    const value = (this.document.toJS() as Record<string, unknown> | null)?.[list];
    return Array.isArray(value) ? (value as NamedEntry[]) : [];
  }
}

/**
 * The file that new entries go into, as for kubectl: the first that is there, else the last.
 * See GetDefaultFilename of k8s.io/client-go/tools/clientcmd.
 */
export function fileForNewEntries(files: readonly string[]): string {
  return files.find((file) => existsSync(file)) ?? files.at(-1) ?? '';
}

/**
 * Changes a kubeconfig file, or makes it: as a whole or not at all, under the lock that kubectl takes, too: FILE.lock beside the name that it
 * is given (ModifyConfig of k8s.io/client-go/tools/clientcmd). Of a link, the file that it leads to is locked as well, for whoever was given
 * that. Its mode is 0600 afterwards. A file that stays as it was is not written.
 *
 * @param change must not wait for anything: others wait for the lock
 * @throws Failure when the file cannot be read or written, or the lock is held for too long
 */
export async function changeKubeconfig<T>(file: string, change: (kubeconfig: KubeconfigChange) => T): Promise<T> {
  const { Document: YamlDocument, parseDocument } = await import('yaml');
  const target = existsSync(file) ? realpathSync(file) : file;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(
      `kubeconfig ${file} cannot be made (${(error as Error).message}): name another one with --kubeconfig`,
      { cause: error },
    );
  }
  const unlock = await lockAll(file, target);
  try {
    const text = existsSync(target) ? readFileSync(target, 'utf8') : '';
    const document =
      text.trim() === ''
        ? new YamlDocument({ apiVersion: 'v1', kind: 'Config', preferences: {}, clusters: [], contexts: [], users: [] })
        : parseDocument(text);
    const [problem] = document.errors;
    if (problem !== undefined) {
      throw new Failure(
        `kubeconfig ${file} cannot be read (${problem.message.split('\n')[0]}): mend it, or name another one`,
      );
    }
    const before = JSON.stringify(document.toJS());
    const result = change(new KubeconfigChange(document as Document));
    if (JSON.stringify(document.toJS()) === before) return result;
    // Certificates are long lines, which must stay whole.
    const changed = document.toString({ lineWidth: 0 });
    const partial = `${target}.${process.pid}.partial`;
    try {
      writeFileSync(partial, changed, { mode: 0o600 });
      renameSync(partial, target);
    } catch (error) {
      rmSync(partial, { force: true });
      throw new Failure(
        `kubeconfig ${file} cannot be written (${(error as Error).message}): name another one with --kubeconfig`,
        { cause: error },
      );
    }
    return result;
  } finally {
    unlock();
  }
}

/** Locks a kubeconfig by the name that was given and by that of the file itself, always in the order of the names. */
async function lockAll(file: string, target: string): Promise<() => void> {
  // Where only a folder is a link, both names have one lock.
  const given = join(realpathSync(dirname(file)), basename(file));
  const unlocks: (() => void)[] = [];
  const unlock = (): void => unlocks.forEach((one) => one());
  try {
    for (const name of [...new Set([given, existsSync(target) ? realpathSync(target) : given])].sort()) {
      unlocks.push(await lock(name));
    }
  } catch (error) {
    unlock();
    throw error;
  }
  return unlock;
}

async function lock(file: string): Promise<() => void> {
  const name = `${file}.lock`;
  const deadline = Date.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      closeSync(openSync(name, 'wx', 0o600));
      return () => rmSync(name, { force: true });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') {
        throw new Failure(`kubeconfig ${file} cannot be written (${message}): name another one with --kubeconfig`, {
          cause: error,
        });
      }
      if (Date.now() > deadline) {
        throw new Failure(`kubeconfig ${file} is locked by ${name}: if no other program changes it, delete that file`);
      }
    }
    await sleep(LOCK_RETRY_MS);
  }
}
