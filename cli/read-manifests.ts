import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import type { TenantManifest } from '../constructs';
import { Failure } from './failure';

/**
 * The objects in a file, or on standard input: YAML with any number of documents, or JSON; what is in a List is taken out of it.
 *
 * @param file `-` for standard input
 * @throws Failure for what cannot be read or is no object of Kubernetes, with its place
 */
export async function readManifests(file: string): Promise<TenantManifest[]> {
  return manifestsIn(await contentOf(file), file === '-' ? 'standard input' : file);
}

async function contentOf(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
    throw new Failure(`${file} ${what}: check its name`, { cause: error });
  }
}

/** @param source what the text is from, for errors */
export function manifestsIn(content: string, source: string): TenantManifest[] {
  const documents = parseAllDocuments(content, { uniqueKeys: true });
  const all = (Array.isArray(documents) ? documents : []).flatMap((document, index): TenantManifest[] => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new Failure(`${source} is not YAML (${error.message.split('\n')[0]?.replace(/:$/, '')}): correct it there`);
    }
    const object: unknown = document.toJS();
    // A document with comments alone.
    if (object === null || object === undefined) return [];
    const { kind, items } = object as { readonly kind?: unknown; readonly items?: unknown };
    const objects = typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : [object];
    return objects.map((one: unknown) => checked(one, `document ${index + 1} of ${source}`));
  });
  if (all.length === 0) throw new Failure(`${source} has no object: write manifests of Kubernetes into it`);
  return all;
}

function checked(object: unknown, where: string): TenantManifest {
  const { apiVersion, kind } = (object ?? {}) as TenantManifest;
  if (typeof apiVersion === 'string' && typeof kind === 'string') return object as TenantManifest;
  throw new Failure(`${where} is no object of Kubernetes: give it apiVersion and kind`);
}
