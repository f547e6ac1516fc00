import type { AnyObject } from '../syncer/kube-client';

/** A field that is other on the host than it should be. */
export interface Difference {
  /** Such as `spec.template.spec.containers[kube-apiserver].image`. */
  readonly path: string;
  /** Undefined: it is not there. */
  readonly host: unknown;
  /** Undefined: it should not be there. */
  readonly wanted: unknown;
}

/** Fields of metadata that a server writes by itself. */
const SERVERS: ReadonlySet<string> = new Set([
  'managedFields',
  'resourceVersion',
  'generation',
  'uid',
  'creationTimestamp',
]);

/**
 * Where two states of one object differ, without what the server writes by itself. Items of lists are held against those of the same name,
 * where all have one.
 */
export function differences(host: AnyObject, wanted: AnyObject): readonly Difference[] {
  const found: Difference[] = [];
  compare(own(host), own(wanted), '', found);
  return found;
}

function own({ status: _, metadata, ...rest }: AnyObject): object {
  return { ...rest, metadata: Object.fromEntries(Object.entries(metadata ?? {}).filter(([key]) => !SERVERS.has(key))) };
}

function compare(host: unknown, wanted: unknown, path: string, found: Difference[]): void {
  if (isMap(host) && isMap(wanted)) {
    for (const key of new Set([...Object.keys(host), ...Object.keys(wanted)])) {
      compare(valueOf(host, key), valueOf(wanted, key), step(path, key), found);
    }
    return;
  }
  if (Array.isArray(host) && Array.isArray(wanted)) {
    const [one, other] = [named(host), named(wanted)];
    if (one !== undefined && other !== undefined) {
      for (const name of new Set([...one.keys(), ...other.keys()])) {
        compare(one.get(name), other.get(name), `${path}[${name}]`, found);
      }
      return;
    }
    for (let i = 0; i < Math.max(host.length, wanted.length); i++) compare(host[i], wanted[i], `${path}[${i}]`, found);
    return;
  }
  if (!Object.is(host, wanted)) found.push({ path, host, wanted });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const valueOf = (map: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(map, key) ? map[key] : undefined;

/** Items by their names; undefined where one has none, or two have the same. */
function named(items: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const byName = new Map<string, unknown>();
  for (const item of items) {
    const name = isMap(item) ? valueOf(item, 'name') : undefined;
    if (typeof name !== 'string' || byName.has(name)) return undefined;
    byName.set(name, item);
  }
  return byName;
}

function step(path: string, key: string): string {
  if (!/^[-\w$]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** A difference in lines for people: for texts of several lines, those that differ. */
export function differenceLines({ path, host, wanted }: Difference): readonly string[] {
  if (typeof host === 'string' && typeof wanted === 'string' && (host.includes('\n') || wanted.includes('\n'))) {
    const [before, after] = [host.split('\n'), wanted.split('\n')];
    const gone = lessThan(before, after).map((line) => `  - ${cut(line)}`);
    const come = lessThan(after, before).map((line) => `  + ${cut(line)}`);
    return [
      `${path}:`,
      ...(gone.length + come.length === 0 ? ['  the same lines in another order'] : [...gone, ...come]),
    ];
  }
  return [`${path}: ${shown(host)} → ${shown(wanted)}`];
}

/** Lines that one text has more often than another one. */
function lessThan(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : cut(JSON.stringify(value)));

function cut(text: string): string {
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
}
