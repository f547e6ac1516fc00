/** One step of a path: a key of an object, or every element of a list or value of an object. */
export type JsonPathPart = { readonly key: string } | { readonly every: true };

/** A parsed path. */
export type JsonPath = readonly JsonPathPart[];

const MAX_LENGTH = 512;
const MAX_PARTS = 32;

/** A key that needs no brackets. */
const PLAIN_KEY = /^[A-Za-z_$][A-Za-z0-9_$-]*/;
/** A key in brackets, as JSON writes it. */
const QUOTED_KEY = /^\["(?:[^"\\]|\\.)*"\]/;

/**
 * Reads a path into a JSON object: keys joined by dots, `["key"]` for keys with other characters than letters, digits, `_`, `$`
 * and `-`, and `[*]` for each element of a list (or value of a map). `spec.rules[*].host`,
 * `metadata.annotations["example.org/note"]`.
 *
 * Every key is data: `__proto__` is an ordinary key. There are no filters, no indexes and no recursive descent.
 *
 * @returns the path, or a sentence that says what is wrong
 */
export function parseJsonPath(text: string): { readonly path: JsonPath } | { readonly problem: string } {
  if (text.length > MAX_LENGTH) return { problem: `has ${text.length} characters: a path has at most ${MAX_LENGTH}` };
  const path: JsonPathPart[] = [];
  let rest = text;
  while (rest !== '') {
    const step = next(rest, path.length === 0);
    if (step === undefined) {
      const where = rest === text ? '' : ` from ${JSON.stringify(rest.slice(0, 20))} on`;
      return {
        problem: `is no path${where}: join keys by dots, write [*] for each element and ["key"] for a key with dots or slashes, such as spec.rules[*].host`,
      };
    }
    path.push(step.part);
    rest = rest.slice(step.length);
  }
  if (path.length === 0) return { problem: 'is empty: name a field, such as spec.secretName' };
  if (path.length > MAX_PARTS) return { problem: `has ${path.length} parts: a path has at most ${MAX_PARTS}` };
  return { path };
}

/**
 * A path that was checked before.
 *
 * @throws Error for what is no path
 */
export function jsonPath(text: string): JsonPath {
  const parsed = parseJsonPath(text);
  if ('problem' in parsed) throw new Error(`${text} ${parsed.problem}`);
  return parsed.path;
}

/** The text of a path; {@link parseJsonPath} reads it back. */
export function jsonPathText(path: JsonPath): string {
  return path.reduce((text, part) => {
    if ('every' in part) return `${text}[*]`;
    if (PLAIN_KEY.exec(part.key)?.[0] !== part.key) return `${text}[${JSON.stringify(part.key)}]`;
    return text === '' ? part.key : `${text}.${part.key}`;
  }, '');
}

function next(text: string, first: boolean): { readonly part: JsonPathPart; readonly length: number } | undefined {
  if (text.startsWith('[*]')) return { part: { every: true }, length: 3 };
  const quoted = QUOTED_KEY.exec(text)?.[0];
  if (quoted !== undefined) {
    const key = unquoted(quoted.slice(1, -1));
    return key === undefined ? undefined : { part: { key }, length: quoted.length };
  }
  const dot = first ? 0 : 1;
  if (!first && !text.startsWith('.')) return undefined;
  const key = PLAIN_KEY.exec(text.slice(dot))?.[0];
  return key === undefined ? undefined : { part: { key }, length: dot + key.length };
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined; // an escape that JSON does not know
  }
}
