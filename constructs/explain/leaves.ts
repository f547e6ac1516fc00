/** A JSON object as somebody wrote it. */
export type JsonObject = { readonly [key: string]: unknown };

/** A value of an object that holds no others, and where it stands. */
export interface Leaf {
  /** Keys from the object; an element of a list is `[name=web]` where it has a name, else `[0]`. */
  readonly path: readonly string[];
  readonly value: unknown;
}

/** As deep as an object of Kubernetes can be that anybody needs; what lies deeper counts as one value. */
const MAX_DEPTH = 64;

/** All leaves of a value by the text of their path. Lists of named things are told apart by the names: a translation may add elements. */
export function leavesOf(value: unknown, path: readonly string[] = []): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  collect(value, path, leaves);
  return leaves;
}

/** A path as people read it: `spec.containers[name=web].image`, `metadata.labels["app.kubernetes.io/name"]`. */
export function pathText(path: readonly string[]): string {
  return path.reduce((text, key) => {
    if (/^\[.*\]$/.test(key)) return `${text}${key}`;
    if (!/^[A-Za-z_$][-\w$]*$/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

function collect(value: unknown, path: readonly string[], leaves: Map<string, Leaf>): void {
  const entries = path.length < MAX_DEPTH ? entriesOf(value) : undefined;
  if (entries === undefined || entries.length === 0) {
    if (value !== undefined && value !== null) leaves.set(pathText(path), { path, value });
    return;
  }
  for (const [key, element] of entries) collect(element, [...path, key], leaves);
}

function entriesOf(value: unknown): (readonly [string, unknown])[] | undefined {
  if (Array.isArray(value)) {
    const names = value.map((element: unknown) => nameOf(element));
    const areNames = names.every((name) => name !== undefined) && new Set(names).size === names.length;
    return value.map(
      (element: unknown, index) => [areNames ? `[name=${names[index]}]` : `[${index}]`, element] as const,
    );
  }
  return typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
}

function nameOf(element: unknown): string | undefined {
  if (typeof element !== 'object' || element === null || !Object.hasOwn(element, 'name')) return undefined;
  const { name } = element as { readonly name: unknown };
  return typeof name === 'string' && name !== '' ? name : undefined;
}
