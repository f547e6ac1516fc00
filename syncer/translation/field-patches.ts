import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { jsonPath, type FieldOperation, type FieldPatchRule, type JsonPath, type TextFunction } from '../configuration';
import { formatPath, isObject } from './fields';
import { editAt, type Place } from './json-path';
import { jsonEqual } from './json';
import { ANNOTATIONS } from './keys';
import { digits, hostName, type ClusterIdentity } from './names';
import { hasLabels } from './view';

/** Of which kind and on which way the objects are that patches are for. */
export interface PatchedKind {
  readonly kind: string;
  /** API group of a custom resource; undefined for built-in kinds. */
  readonly customGroup?: string | undefined;
  readonly direction: 'toHost' | 'fromHost';
}

/** A patched object, or why it cannot be patched: `message` names fields, which are the tenant's, too. */
export type Patched<T> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly reason: 'PatchFailed'; readonly message: string };

interface Patchable {
  readonly metadata?: ObjectMeta;
}

/** An operation with its path read once. */
interface Step {
  readonly operation: FieldOperation;
  readonly path: JsonPath;
}

/** A rule for the kind, and its operations. */
interface Rule {
  readonly rule: FieldPatchRule;
  readonly steps: readonly Step[];
}

/** The changes that an operator wants of all objects of one kind, after their translation and before the policy. */
export class FieldPatches {
  readonly #kind: PatchedKind;
  readonly #identity: ClusterIdentity;
  readonly #rules: readonly Rule[];

  constructor(rules: readonly FieldPatchRule[], kind: PatchedKind, identity: ClusterIdentity) {
    this.#kind = kind;
    this.#identity = identity;
    this.#rules = rules
      .filter((rule) => rule.kind === kind.kind && rule.group === kind.customGroup && rule.direction === kind.direction)
      .map((rule) => ({
        rule,
        steps: rule.operations.map((operation) => ({ operation, path: jsonPath(operation.path) })),
      }));
  }

  /** Whether no object of the kind is ever changed. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Tells sets of patches apart: short text that changes with what is done to an object; empty where nothing is. */
  digestFor(source: Patchable): string {
    const rules = this.#rulesFor(source);
    return rules.length === 0 ? '' : digits(JSON.stringify(rules.map(({ rule }) => rule.operations)));
  }

  /**
   * The object with all changes that are for it; a new one where it has any. What it shares with the given one is not changed.
   *
   * @param object as the other side is to get it
   * @param source as the side has it that it comes from: which rules are for it, and the namespace of names
   */
  apply<T extends Patchable>(object: T, source: Patchable): Patched<T> {
    let result: unknown = object;
    const problems: string[] = [];
    const touched = new Set<string>();
    for (const { steps } of this.#rulesFor(source)) {
      for (const step of steps) {
        const before = result;
        result = this.#run(step, result, source, problems);
        const key = metadataKey(step.path);
        if (key === undefined || result === before) continue;
        if (step.operation.op === 'remove') touched.delete(key);
        else touched.add(key);
      }
    }
    if (problems.length > 0) {
      const what = `the platform changes fields of this ${this.#kind.kind} that are not as it expects: ${problems.join('; ')}`;
      return { ok: false, reason: 'PatchFailed', message: `${what}; change them, or ask its operator` };
    }
    return { ok: true, object: noting(result as T, touched) };
  }

  #rulesFor({ metadata }: Patchable): readonly Rule[] {
    const { name = '', namespace = '' } = metadata ?? {};
    return this.#rules.filter(({ rule: { match } }) => {
      const there = match.namespaces.length === 0 || match.namespaces.includes(namespace);
      const called = match.names.length === 0 || match.names.includes(name);
      return there && called && hasLabels(metadata === undefined ? {} : { metadata }, match.selector);
    });
  }

  #run({ operation, path }: Step, object: unknown, source: Patchable, problems: string[]): unknown {
    const onMismatch = (place: Place, value: unknown): void => {
      problems.push(`${formatPath(place)} is ${described(value)}, so that there is no ${operation.path}`);
    };
    const wrong = (place: Place, value: unknown, expected: string): unknown => {
      problems.push(`${formatPath(place)} is ${described(value)} where ${expected} is expected`);
      return value;
    };
    switch (operation.op) {
      case 'set':
        return editAt(object, path, (value) => (jsonEqual(value, operation.value) ? value : operation.value), {
          create: true,
          onMismatch,
        });
      case 'remove':
        return editAt(object, path, () => undefined, { onMismatch });
      case 'append':
        return editAt(
          object,
          path,
          (value, place) => {
            if (value === undefined || value === null) return [operation.value];
            if (!Array.isArray(value)) return wrong(place, value, 'a list');
            const list = value as unknown[];
            return list.some((element) => jsonEqual(element, operation.value)) ? list : [...list, operation.value];
          },
          { create: true, onMismatch },
        );
      case 'rewrite':
        return editAt(
          object,
          path,
          (value, place) =>
            typeof value === 'string' ? this.#rewritten(operation.with, value, source) : wrong(place, value, 'a text'),
          { onMismatch },
        );
      case 'replaceText':
        return editAt(
          object,
          path,
          (value, place) =>
            typeof value === 'string'
              ? // A function, so that `$` in the replacement means nothing.
                value.replaceAll(operation.find, () => operation.replacement)
              : wrong(place, value, 'a text'),
          { onMismatch },
        );
    }
  }

  #rewritten(rewriting: TextFunction, text: string, source: Patchable): string {
    switch (rewriting.function) {
      case 'hostName':
        return text === '' ? text : hostName(this.#identity, source.metadata?.namespace ?? '', text);
      case 'prefix':
        return rewriting.text + text;
      case 'suffix':
        return text + rewriting.text;
      case 'map':
        if (Object.hasOwn(rewriting.values, text)) return rewriting.values[text] ?? text;
        return rewriting.otherwise ?? text;
    }
  }
}

/** `labels/KEY` or `annotations/KEY`, where a path leads to one. */
function metadataKey(path: JsonPath): string | undefined {
  const [first, map, key] = path;
  if (first === undefined || map === undefined || key === undefined) return undefined;
  if ('every' in first || 'every' in map || 'every' in key || first.key !== 'metadata') return undefined;
  return `${map.key}/${key.key}`;
}

/** With the labels and annotations noted that patches have set, so that they can be taken away when no patch sets them any more. */
function noting<T extends Patchable>(object: T, touched: ReadonlySet<string>): T {
  if (touched.size === 0) return object;
  const annotations = { ...object.metadata?.annotations, [ANNOTATIONS.patched]: [...touched].sort().join('\n') };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function described(value: unknown): string {
  if (value === undefined || value === null) return 'absent';
  if (typeof value === 'string') return 'a text';
  return Array.isArray(value) ? 'a list' : isObject(value) ? 'an object' : `a ${typeof value}`;
}
