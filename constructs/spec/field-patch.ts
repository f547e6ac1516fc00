/** A value of JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How a text is rewritten: see {@link Rewrite}. */
export type Rewriting =
  | { readonly function: 'hostName' }
  | { readonly function: 'prefix' | 'suffix'; readonly text: string }
  | { readonly function: 'map'; readonly values: Readonly<Record<string, string>>; readonly otherwise?: string };

/** The functions that {@link FieldPatch.rewrite} knows. */
export class Rewrite {
  /** The text names an object in the same virtual namespace; it becomes that object's name on the host. An empty text stays empty. */
  static hostName(): Rewriting {
    return { function: 'hostName' };
  }

  /** Puts a text in front, such as the address of a mirror. */
  static prefix(text: string): Rewriting {
    return { function: 'prefix', text };
  }

  /** Puts a text behind. */
  static suffix(text: string): Rewriting {
    return { function: 'suffix', text };
  }

  /**
   * Looks the text up, such as names of classes that are called otherwise on the host.
   *
   * @param otherwise what any other text becomes. @default - it stays as it is
   */
  static map(values: Readonly<Record<string, string>>, otherwise?: string): Rewriting {
    return { function: 'map', values, ...(otherwise === undefined ? {} : { otherwise }) };
  }
}

/** One change of a field: see {@link FieldPatch}. */
export type FieldOperation =
  | { readonly op: 'set' | 'append'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'rewrite'; readonly path: string; readonly with: Rewriting }
  | { readonly op: 'replaceText'; readonly path: string; readonly find: string; readonly replacement: string };

/**
 * Changes of single fields.
 *
 * A path joins keys by dots; `[*]` stands for each element of a list or value of a map, `["key"]` for a key with other characters
 * than letters, digits, `_`, `$` and `-`: `spec.containers[*].image`, `metadata.annotations["example.org/team"]`. What an object is
 * (kind, name, namespace, owners, the syncer's own labels and annotations) and its status cannot be changed; of the metadata, single
 * labels and annotations can. An object that a patch does not fit (a text where the path names a key of an object) does not go to
 * the other side, which an event tells.
 */
export class FieldPatch {
  /** Sets a field, whatever it was; objects on the way are made where there are none. */
  static set(path: string, value: JsonValue): FieldOperation {
    return { op: 'set', path, value };
  }

  /** Adds an element to a list, which is made where there is none, unless the list has an equal one. */
  static append(path: string, value: JsonValue): FieldOperation {
    return { op: 'append', path, value };
  }

  /** Takes a field away, or with `[*]` at the end all elements. */
  static remove(path: string): FieldOperation {
    return { op: 'remove', path };
  }

  /** Rewrites a text, where there is one. */
  static rewrite(path: string, rewriting: Rewriting): FieldOperation {
    return { op: 'rewrite', path, with: rewriting };
  }

  /** Replaces each occurrence of a plain text within a text, where there is one. */
  static replaceText(path: string, find: string, replacement: string): FieldOperation {
    return { op: 'replaceText', path, find, replacement };
  }
}

/** Which objects of a kind are changed; all conditions that are given have to be met. */
export interface FieldPatchMatch {
  /**
   * Namespaces of the side that the objects come from.
   *
   * @default - all
   */
  readonly namespaces?: readonly string[];
  /**
   * Names on the side that the objects come from.
   *
   * @default - all
   */
  readonly names?: readonly string[];
  /**
   * Labels that the object must have. A tenant writes those of its own objects: protect nothing by them.
   *
   * @default - none
   */
  readonly selector?: Readonly<Record<string, string>>;
}

/** Changes of the objects of a kind on their way from one side to the other, after their translation and before the policy. */
export interface FieldPatchProps {
  /** Kind, such as `Pod`; it has to be one that is synced in that direction. */
  readonly kind: string;
  /**
   * API group, for custom resources only.
   *
   * @default - a built-in kind
   */
  readonly group?: string;
  /**
   * Whether what goes to the host is changed, or what tenants see of the host's. Nothing of a change comes back.
   *
   * @default 'toHost'
   */
  readonly direction?: 'toHost' | 'fromHost';
  /**
   * Which objects.
   *
   * @default - all of the kind
   */
  readonly match?: FieldPatchMatch;
  /** What is done, in this order: see {@link FieldPatch}. */
  readonly operations: readonly FieldOperation[];
}
