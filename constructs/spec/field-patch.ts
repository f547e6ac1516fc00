/** A value of JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How a text is rewritten: see {@link Rewrite}. */
export type Rewriting =
  | {
      /** Becomes the host's name of the object that it names. */
      readonly function: 'hostName';
    }
  | {
      /** Gets a text in front, or behind. */
      readonly function: 'prefix' | 'suffix';
      /** That text. */
      readonly text: string;
    }
  | {
      /** Is looked up. */
      readonly function: 'map';
      /** What it becomes, by what it is. */
      readonly values: Readonly<Record<string, string>>;
      /**
       * What any other text becomes.
       *
       * @default - it stays as it is
       */
      readonly otherwise?: string;
    };

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
   * @param otherwise what any other text becomes; without, it stays as it is
   */
  static map(values: Readonly<Record<string, string>>, otherwise?: string): Rewriting {
    return { function: 'map', values, ...(otherwise === undefined ? {} : { otherwise }) };
  }
}

/** One change of a field: see {@link FieldPatch}. */
export type FieldOperation =
  | {
      /** Sets the field, or adds an element to the list. */
      readonly op: 'set' | 'append';
      /** Path to the field. */
      readonly path: string;
      /** The field's value, or the element. */
      readonly value: JsonValue;
    }
  | {
      /** Takes the field away. */
      readonly op: 'remove';
      /** Path to the field. */
      readonly path: string;
    }
  | {
      /** Rewrites the text. */
      readonly op: 'rewrite';
      /** Path to the text. */
      readonly path: string;
      /** How. */
      readonly with: Rewriting;
    }
  | {
      /** Replaces each occurrence of a plain text. */
      readonly op: 'replaceText';
      /** Path to the text. */
      readonly path: string;
      /** What is replaced. */
      readonly find: string;
      /** What takes its place. */
      readonly replacement: string;
    };

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
