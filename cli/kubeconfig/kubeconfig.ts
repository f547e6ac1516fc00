import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Failure } from '../failure';
import type { ClusterEntry, ContextEntry, KubeconfigDocument, UserEntry } from './document';

/** An entry, and the folder that its relative paths start from. */
export interface Placed<T> {
  readonly entry: T;
  /** Folder of the file that the entry is in. */
  readonly folder: string;
  /** That file. */
  readonly file: string;
}

/** Several kubeconfig files seen as one, as kubectl sees those of $KUBECONFIG: of two entries with one name the first counts. */
export interface Kubeconfig {
  /** Files that were asked for, in order, whether they are there or not. */
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Placed<ContextEntry>>;
  readonly clusters: ReadonlyMap<string, Placed<ClusterEntry>>;
  readonly users: ReadonlyMap<string, Placed<UserEntry>>;
}

/** The files that are meant: that of the flag, else those of $KUBECONFIG, else ~/.kube/config. */
export function kubeconfigFiles(given?: string, environment: NodeJS.ProcessEnv = process.env): string[] {
  if (given !== undefined) return [given];
  const named = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return named.length > 0 ? [...new Set(named)] : [join(environment['HOME'] || homedir(), '.kube', 'config')];
}

/**
 * Reads kubeconfig files. Files that are not there count as empty, as for kubectl; one that a flag named must be there.
 *
 * @throws Failure naming the file that cannot be read, or what is no kubeconfig about it
 */
export async function readKubeconfig(files: readonly string[], mustExist = false): Promise<Kubeconfig> {
  // Here and not above: `--help` must not wait for it.
  const { parse } = await import('yaml');
  const contexts = new Map<string, Placed<ContextEntry>>();
  const clusters = new Map<string, Placed<ClusterEntry>>();
  const users = new Map<string, Placed<UserEntry>>();
  let currentContext: string | undefined;
  for (const file of files) {
    if (!existsSync(file)) {
      if (mustExist) throw new Failure(`kubeconfig ${file} is not there: name another one with --kubeconfig`);
      continue;
    }
    let document: KubeconfigDocument;
    try {
      document = (parse(readFileSync(file, 'utf8')) ?? {}) as KubeconfigDocument;
    } catch (error) {
      const [reason] = (error as Error).message.split('\n');
      throw new Failure(`kubeconfig ${file} cannot be read (${reason}): mend it, or name another one`, {
        cause: error,
      });
    }
    if (typeof document !== 'object' || Array.isArray(document)) {
      throw new Failure(
        `kubeconfig ${file} is no mapping of clusters, users and contexts: mend it, or name another one`,
      );
    }
    const add = <T>(found: Map<string, Placed<T>>, list: unknown, key: string): void => {
      if (list === undefined || list === null) return;
      if (!Array.isArray(list)) throw new Failure(`kubeconfig ${file}: ${key}s is no list: mend the file`);
      for (const item of list as Record<string, unknown>[]) {
        const name = item?.['name'];
        if (typeof name !== 'string')
          throw new Failure(`kubeconfig ${file}: one of ${key}s has no name: mend the file`);
        if (!found.has(name)) found.set(name, { entry: (item[key] ?? {}) as T, folder: dirname(file), file });
      }
    };
    add(clusters, document.clusters, 'cluster');
    add(users, document.users, 'user');
    add(contexts, document.contexts, 'context');
    const current = document['current-context'];
    if (currentContext === undefined && typeof current === 'string' && current !== '') currentContext = current;
  }
  return { files, currentContext, contexts, clusters, users };
}
