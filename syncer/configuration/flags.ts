import { ConfigurationError, type ConfigurationProblem } from './error';
import { type ConfigurationField, pathText } from './fields';

/** A flag as it was given: name without dashes, and text. */
export interface GivenFlag {
  readonly name: string;
  readonly text: string;
}

/**
 * A document with what flags say instead of what it said; the document itself is not changed. Values are only converted
 * here: whether they are allowed is the schema's to say, with the field's path.
 *
 * @param document anything; flags below what is no map are left to the schema to complain about
 * @throws ConfigurationError for text that is no value of the field's type, and for one that is given twice
 */
export function withFlags(
  document: unknown,
  flags: readonly GivenFlag[],
  fields: readonly ConfigurationField[],
): unknown {
  const problems: ConfigurationProblem[] = [];
  let result = document;
  for (const field of fields) {
    const texts = flags.filter(({ name }) => name === field.flag).map(({ text }) => text);
    if (texts.length === 0) continue;
    const value = valueOf(field, texts);
    if ('problem' in value) {
      problems.push({ field: pathText(field.path), value: texts.at(-1), message: value.problem });
    } else result = withValue(result, field.path, value.value);
  }
  if (problems.length > 0) throw new ConfigurationError('The configuration', problems);
  return result;
}

function valueOf(
  { type, flag }: ConfigurationField,
  texts: readonly string[],
): { readonly value: unknown } | { readonly problem: string } {
  if (type === 'strings' || type === 'numbers') {
    const items = texts.flatMap((text) => (text === '' ? [] : text.split(',').map((item) => item.trim())));
    return { value: type === 'strings' ? items : items.map(number) };
  }
  if (texts.length > 1) return { problem: `is given more than once: give --${flag} once` };
  const text = texts[0] ?? '';
  if (type === 'number') return { value: number(text) };
  if (type === 'boolean') return { value: text === 'true' ? true : text === 'false' ? false : text };
  if (type === 'string') return { value: text };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: `is not JSON: write the field's value as JSON, within single quotes of the shell` };
  }
}

/** A number as JSON writes it; other text stays text, for the schema to refuse. */
const number = (text: string): unknown => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

/** A copy with one value set; maps on the way are made where there are none. */
function withValue(document: unknown, [first, ...rest]: readonly string[], value: unknown): unknown {
  if (first === undefined) return value;
  if (document === undefined || document === null) return { [first]: withValue(undefined, rest, value) };
  if (typeof document !== 'object' || Array.isArray(document)) return document;
  const inner = Object.hasOwn(document, first) ? (document as Record<string, unknown>)[first] : undefined;
  // A spread copies `__proto__` as plain data.
  return { ...document, [first]: withValue(inner, rest, value) };
}
