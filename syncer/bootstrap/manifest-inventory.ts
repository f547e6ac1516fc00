import type { ConfigMap } from 'kubernetes-types/core/v1';
import { ApiError, type KubeClient, type KubeObject, resources } from '../kube-client';

/** Where the inventory is in the virtual cluster: what was made there, and what could not be. */
export const INVENTORY = { namespace: 'kube-system', name: 'nestling-manifests' } as const;

const FIELD_MANAGER = 'nestling-manifests';
const OBJECTS_KEY = 'objects.json';
const PROBLEMS_KEY = 'problems';
/** Problems that are listed; there may be as many as there are objects. */
const MOST_PROBLEMS = 50;

/** An object that was made, or is about to be. */
export interface MadeObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for kinds without namespaces. */
  readonly namespace?: string;
  readonly name: string;
  /** Of the object that was made; absent before it is known. */
  readonly uid?: string;
}

/** API group of an object; empty for the core group. */
function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** What an object is, whatever version of its group names it. */
export function identityOf({ apiVersion, kind, namespace = '', name }: Omit<MadeObject, 'uid'>): string {
  return JSON.stringify([groupOf(apiVersion), kind, namespace, name]);
}

/**
 * The objects that were made from a set of manifests, kept as a ConfigMap of the virtual cluster, so that those which the set has no
 * more can go. Written before an object is made and after, and only when something changed.
 */
export class ManifestInventory {
  readonly #client: Pick<KubeClient, 'patch'>;
  readonly #objects: Map<string, MadeObject>;
  #stored: string;
  #map: ConfigMap | undefined;
  #problems: readonly string[];

  private constructor(client: Pick<KubeClient, 'patch'>, map: ConfigMap | undefined) {
    this.#client = client;
    this.#map = map;
    this.#objects = new Map(readObjects(map).map((object) => [identityOf(object), object]));
    this.#problems = (map?.data?.[PROBLEMS_KEY] ?? '').split('\n').filter((line) => line !== '');
    this.#stored = map === undefined ? '' : JSON.stringify(this.#content());
  }

  static async read(client: KubeClient, signal?: AbortSignal): Promise<ManifestInventory> {
    try {
      return new ManifestInventory(client, await client.get<ConfigMap>(resources.configMaps, { ...INVENTORY, signal }));
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return new ManifestInventory(client, undefined);
      throw error;
    }
  }

  get objects(): readonly MadeObject[] {
    return [...this.#objects.values()];
  }

  /** The ConfigMap, for events; undefined while nothing was ever made. */
  get object(): KubeObject | undefined {
    return this.#map;
  }

  /** An object is about to be made; what is known of it stays. */
  plan(object: Omit<MadeObject, 'uid'>): void {
    const key = identityOf(object);
    const { uid } = this.#objects.get(key) ?? {};
    this.#objects.set(key, { ...object, ...(uid !== undefined && { uid }) });
  }

  made(object: Omit<MadeObject, 'uid'>, uid: string): void {
    this.#objects.set(identityOf(object), { ...object, uid });
  }

  forget(object: MadeObject): void {
    this.#objects.delete(identityOf(object));
  }

  /** What could not be done, a line each. */
  report(problems: readonly string[]): void {
    const rest = problems.length - MOST_PROBLEMS;
    this.#problems = rest > 0 ? [...problems.slice(0, MOST_PROBLEMS), `… and ${rest} more`] : problems;
  }

  /** Writes it, unless nothing changed. */
  async store(signal?: AbortSignal): Promise<void> {
    const data = this.#content();
    const content = JSON.stringify(data);
    if (content === this.#stored || (this.#map === undefined && this.#objects.size + this.#problems.length === 0)) {
      return;
    }
    this.#map = await this.#client.patch<ConfigMap>(
      resources.configMaps,
      { ...INVENTORY, type: 'apply', fieldManager: FIELD_MANAGER, force: true, signal },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...INVENTORY },
        data,
      },
    );
    this.#stored = content;
  }

  #content(): Record<string, string> {
    const objects = this.objects.map((object) => JSON.stringify(object)).sort();
    return {
      // One object a line.
      [OBJECTS_KEY]: objects.length === 0 ? '[]\n' : `[\n${objects.join(',\n')}\n]\n`,
      ...(this.#problems.length > 0 && { [PROBLEMS_KEY]: `${this.#problems.join('\n')}\n` }),
    };
  }
}

/** The tenant can change what is in it: whatever cannot be read is no object. */
function readObjects(map: ConfigMap | undefined): MadeObject[] {
  let content: unknown;
  try {
    content = JSON.parse(map?.data?.[OBJECTS_KEY] ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(content)) return [];
  return content.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { apiVersion, kind, namespace, name, uid } = one as Record<string, unknown>;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string') return [];
    const place = typeof namespace === 'string' && namespace !== '' ? { namespace } : {};
    return [{ apiVersion, kind, ...place, name, ...(typeof uid === 'string' && { uid }) }];
  });
}
