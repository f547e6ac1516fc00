/**
 * A table of an API type's fields, and the copier that walks an object along it. What the table does not list does not
 * reach the host: it is refused with its path. So the depth of the walk is the table's, never the tenant's.
 */

/** A JSON object as it comes from an API server. */
export type JsonObject = { [key: string]: unknown };

/** The kinds of objects whose names appear inside other objects. */
export type ReferredKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim' | 'ResourceClaim' | 'Endpoints' | 'Service';

/** What a leaf holds: scalars (numbers, booleans, strings) or strings, one, a list or a map of them; or any JSON at all. */
type Shape = 'any' | 'scalar' | 'scalarList' | 'scalarMap' | 'string' | 'stringList' | 'stringMap';

/** From which minor of Kubernetes on a host has a field, and what becomes of it on an older one. */
export interface Since {
  /** First minor of Kubernetes 1 whose API has the field. */
  readonly minor: number;
  /** Values that mean what a host does without the field, so that leaving them out changes nothing. */
  readonly implied: readonly unknown[];
  /** What to do instead, for any other value: the object is refused. */
  readonly remedy: string;
}

/** How a field travels to the host that has no fields of its own, or none that matter. */
export type Leaf =
  /** Copied: it means the same on the host. `since`: on those that have it (host-version.ts). */
  | { readonly class: 'plain'; readonly shape: Shape; readonly since?: Since }
  /** Copied, and then replaced by the rule of an object around it. */
  | { readonly class: 'translated'; readonly shape: Shape }
  /** The name of an object, replaced by the name of that object's twin. */
  | { readonly class: 'reference'; readonly to: ReferredKind; readonly optional: boolean | undefined }
  /** Left out. */
  | { readonly class: 'dropped'; readonly why: string }
  /** The object is refused if the field is set. */
  | { readonly class: 'refused'; readonly why: string };

/** How one field travels to the host; `E` is what rules need to know. */
export type Field<E> =
  | Leaf
  | { readonly class: 'list'; readonly item: Field<E> }
  | { readonly class: 'object'; readonly fields: ReadonlyMap<string, Field<E>>; readonly rule: Rule<E> | undefined };

/**
 * Finishes the copy of an object: `copy` is fresh and may be changed, `source` is the tenant's and may not. It is called
 * only where all inside has the table's shapes. `path` is built only when it is asked for.
 */
export type Rule<E> = (copy: JsonObject, source: JsonObject, environment: E, path: () => string) => void;

/** What the copier asks of its surroundings. */
export interface CopyEnvironment {
  /** Host name of an object that is referred to. */
  reference(kind: ReferredKind, name: string, optional: boolean): string;
  /** Minor version of the host's Kubernetes 1. @default undefined: not known, taken for the newest */
  readonly hostMinor?: number | undefined;
  /** Notes why the object cannot go to the host. `hostTooOld`: to this host, of this version. */
  refuse(path: string, why: string, hostTooOld?: boolean): void;
}

/** Leaves that mean the same on the host. */
export const plain = { class: 'plain', shape: 'scalar' } as const;
export const plainList = { class: 'plain', shape: 'scalarList' } as const;
export const plainMap = { class: 'plain', shape: 'scalarMap' } as const;
/** Leaves that the rule of an object around them replaces. */
export const translated = { class: 'translated', shape: 'string' } as const;
export const translatedList = { class: 'translated', shape: 'stringList' } as const;
export const translatedMap = { class: 'translated', shape: 'stringMap' } as const;

/** Name of an object. `optional` undefined: a field `optional` beside it tells. */
export function reference(to: ReferredKind, optional?: boolean): Leaf {
  return { class: 'reference', to, optional };
}

/** A field that is left out. */
export function dropped(why: string): Leaf {
  return { class: 'dropped', why };
}

/** A field that cannot be had in a virtual cluster; `why` ends with the remedy. */
export function refused(why: string): Leaf {
  return { class: 'refused', why };
}

/** A list of objects. */
export function list<E>(item: Field<E>): Field<E> {
  return { class: 'list', item };
}

/** An object with exactly these fields. */
export function object<E>(fields: { readonly [name: string]: Field<E> }, rule?: Rule<E>): Field<E> {
  return { class: 'object', fields: new Map(Object.entries(fields)), rule };
}

/** Whether a value is a JSON object: no list, no null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

const SHAPES: Record<Shape, { readonly name: string; readonly matches: (value: unknown) => boolean }> = {
  any: { name: 'a value', matches: () => true },
  scalar: { name: 'a scalar', matches: isScalar },
  scalarList: { name: 'a list of scalars', matches: (value) => Array.isArray(value) && value.every(isScalar) },
  scalarMap: { name: 'a map of scalars', matches: (value) => isObject(value) && Object.values(value).every(isScalar) },
  string: { name: 'a string', matches: isString },
  stringList: { name: 'a list of strings', matches: (value) => Array.isArray(value) && value.every(isString) },
  stringMap: { name: 'a map of strings', matches: (value) => isObject(value) && Object.values(value).every(isString) },
};

/** Copies objects along a table. Plain lists and maps are shared with the source, as nobody changes either. */
export class Copier<E extends CopyEnvironment> {
  readonly #environment: E;
  #refusals = 0;
  readonly #path: (string | number)[] = [];
  readonly #pathText = (): string => formatPath(this.#path);

  constructor(environment: E) {
    this.#environment = environment;
  }

  /** The host's form of `value`, or undefined when there is none. `root` is the path that refusals begin with. */
  copy(field: Field<E>, value: unknown, root: readonly (string | number)[]): unknown {
    this.#path.length = 0;
    this.#path.push(...root);
    return this.#copy(field, value, undefined);
  }

  #copy(field: Field<E>, value: unknown, parent: JsonObject | undefined): unknown {
    switch (field.class) {
      case 'plain':
      case 'translated':
        if (!SHAPES[field.shape].matches(value)) return this.#malformed(value, SHAPES[field.shape].name);
        if (field.class === 'plain' && field.since !== undefined) return this.#young(field.since, value);
        return value;
      case 'reference':
        // An empty name refers to nothing, and must not become the name of something.
        if (value === '') return value;
        if (typeof value !== 'string') return this.#malformed(value, 'a name');
        return this.#environment.reference(field.to, value, field.optional ?? parent?.['optional'] === true);
      case 'dropped':
        return undefined;
      case 'refused':
        if (!isEmpty(value)) this.#refuse(field.why);
        return undefined;
      case 'list':
        return this.#copyList(field.item, value);
      case 'object':
        return this.#copyObject(field, value);
    }
  }

  /** A value for a host that may be too old for its field. */
  #young({ minor, implied, remedy }: Since, value: unknown): unknown {
    const { hostMinor } = this.#environment;
    if (hostMinor === undefined || hostMinor >= minor) return value;
    if (!isEmpty(value) && !implied.includes(value)) {
      this.#refuse(`needs Kubernetes 1.${minor} on the host, which has 1.${hostMinor}; ${remedy}`, true);
    }
    return undefined;
  }

  #copyList(item: Field<E>, value: unknown): unknown {
    if (!Array.isArray(value)) return this.#malformed(value, 'a list');
    return value.map((element: unknown, index) => {
      this.#path.push(index);
      const result = this.#copy(item, element, undefined);
      this.#path.pop();
      return result;
    });
  }

  #copyObject(field: Extract<Field<E>, { class: 'object' }>, value: unknown): unknown {
    if (!isObject(value)) return this.#malformed(value, 'an object');
    const refusals = this.#refusals;
    const copy: JsonObject = {};
    for (const key of Object.keys(value)) {
      const element = value[key];
      if (element === null || element === undefined) continue;
      this.#path.push(key);
      const known = field.fields.get(key);
      if (known === undefined) {
        this.#refuse(
          'is a field that this version does not know, so that it cannot be told whether it names anything on the host; leave it out',
        );
      } else {
        const result = this.#copy(known, element, value);
        if (result !== undefined) copy[key] = result;
      }
      this.#path.pop();
    }
    if (this.#refusals === refusals) field.rule?.(copy, value, this.#environment, this.#pathText);
    return copy;
  }

  #malformed(value: unknown, expected: string): undefined {
    this.#refuse(`is ${describe(value)} where ${expected} is expected; correct it`);
    return undefined;
  }

  #refuse(why: string, hostTooOld = false): void {
    this.#refusals += 1;
    this.#environment.refuse(this.#pathText(), why, hostTooOld);
  }
}

/** A path as API servers write it: `spec.containers[0].image`. */
export function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

function isEmpty(value: unknown): boolean {
  return (
    value === '' || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)
  );
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
