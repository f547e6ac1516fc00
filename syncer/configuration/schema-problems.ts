import type * as z from 'zod';
import type { ConfigurationProblem } from './error';

/** What a schema has found wrong with an input, each with its field, its value and the remedy. */
export function schemaProblems(issues: readonly z.core.$ZodIssue[], input: unknown): readonly ConfigurationProblem[] {
  return issues.flatMap((issue) => problems(issue, input));
}

function problems(issue: z.core.$ZodIssue, input: unknown): readonly ConfigurationProblem[] {
  const field = fieldPath(issue.path);
  const value = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldPath([...issue.path, key]),
      value: valueAt(input, [...issue.path, key]),
      message: 'is not a known field: correct its spelling or remove it',
    }));
  }
  const wrong = (what: string) => (value === undefined ? 'is missing' : what);
  if (issue.code === 'invalid_type') {
    return [{ field, value, message: `${wrong('has the wrong type')}: give ${named(issue.expected)}` }];
  }
  // A schema with words of its own is left to say them.
  const hasOwnWords = !issue.message.startsWith('Invalid ');
  if (issue.code === 'invalid_value') {
    const remedy = hasOwnWords ? issue.message : `write ${issue.values.map(String).join(' or ')}`;
    return [{ field, value, message: `${wrong('is not allowed')}: ${remedy}` }];
  }
  if (issue.code === 'invalid_union' && !hasOwnWords) {
    const branch = meantBranch(issue.errors, value);
    if (branch !== undefined) {
      return schemaProblems(
        branch.map((one) => ({ ...one, path: [...issue.path, ...one.path] }) as z.core.$ZodIssue),
        input,
      );
    }
    const { options } = issue as { readonly options?: readonly unknown[] };
    if (options !== undefined)
      return [{ field, value, message: `${wrong('is not known')}: write ${options.join(' or ')}` }];
  }
  return [{ field, value, message: issue.message }];
}

/** Of shapes that are all wrong, the one that was meant: that which a text is for, where there is a text, else one for maps. */
function meantBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  value: unknown,
): readonly z.core.$ZodIssue[] | undefined {
  const isMap = typeof value === 'object' && value !== null;
  const fits = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.every(({ path, code }) => path.length > 0 || (code === 'invalid_value' ? !isMap : code !== 'invalid_type'));
  return branches.find(fits) ?? branches[0];
}

/** What the schema calls a type, for people who write YAML. */
function named(type: string): string {
  const names = new Map([
    ['object', 'a map of fields'],
    ['array', 'a list'],
    ['boolean', 'true or false'],
    ['int', 'a whole number'],
  ]);
  return names.get(type) ?? `a ${type}`;
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
