import type { AttackManifest, Outcome } from './attacks';

/** What the list of attacks has placeholders for. */
export interface AttackNames {
  /** Name of the virtual cluster. */
  readonly cluster: string;
  /** A host name that the tenant's Ingresses may have. */
  readonly host: string;
  /** A class that the tenant's Ingresses may have. */
  readonly class: string;
}

/** With names in the place of placeholders. Of what is not JSON, such as undefined, nothing stays. */
export function named<T extends AttackManifest | Outcome>(value: T, names: AttackNames): T {
  const text = Object.entries(names).reduce(
    (all, [placeholder, name]) => all.replaceAll(`{${placeholder}}`, name as string),
    JSON.stringify(value),
  );
  return JSON.parse(text) as T;
}

/** What a host object has that an outcome lets none have, whatever the platform has set; undefined for nothing. */
export function forbiddenIn(
  object: object,
  { without = [], nowhere = [] }: Outcome & { outcome: 'onHost' },
): string | undefined {
  for (const path of without) {
    const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object);
    // API servers leave out empty lists.
    const isThere = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isThere) return `${path.join('.')} is ${JSON.stringify(value)}`;
  }
  const text = JSON.stringify(object);
  const found = nowhere.find((one) => text.includes(one));
  return found === undefined ? undefined : `${found} is there`;
}
