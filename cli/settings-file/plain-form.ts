import * as z from 'zod';
import type { VirtualClusterProps } from '../../constructs';
import { problemLine } from '../../syncer/configuration';
import { schemaProblems } from '../../syncer/configuration/document';
import { Failure } from '../failure';
import { settingsSchema } from '../../constructs/settings';

/** Properties of a virtual cluster as a settings file in YAML or JSON has them. */
export type PlainSettings = Readonly<Record<string, unknown>>;

/**
 * Properties as a file without code has them.
 *
 * @param props checked here, as TypeScript is run without being checked
 * @param source what they are from, for errors
 * @throws Failure with each property that is wrong, its value and the remedy
 */
export function plainForm(props: unknown, source: string): PlainSettings {
  const { success, data, error } = z.safeEncode(settingsSchema, props as VirtualClusterProps);
  if (!success) throw wrong(source, error.issues, props);
  return withoutUndefined(data) as PlainSettings;
}

/**
 * Properties from their plain form.
 *
 * @throws Failure as above
 */
export function propsFromPlain(plain: unknown, source: string): VirtualClusterProps {
  const { success, data, error } = z.safeDecode(settingsSchema, plain as never);
  if (!success) throw wrong(source, error.issues, plain);
  return data;
}

function wrong(source: string, issues: readonly z.core.$ZodIssue[], input: unknown): Failure {
  const problems = schemaProblems(issues, input).map((problem) =>
    problemLine({ ...problem, value: printable(problem.value) }),
  );
  return new Failure([`${source} cannot be used:`, ...problems].join('\n  '));
}

/** Values of classes by their class: constructs are circles. */
function printable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const prototype = Object.getPrototypeOf(value) as { readonly constructor: { readonly name: string } } | null;
  if (prototype !== null && prototype !== Object.prototype && prototype !== Array.prototype)
    return prototype.constructor.name;
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    return undefined;
  }
}

/** What is not there is not written either, at any depth. Manifests are given as they are. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, withoutUndefined(one)]])),
  );
}
