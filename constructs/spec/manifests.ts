import { namespaceNameProblem, type ConfigurationProblem } from '../../syncer/configuration';

/** Most that all manifests may take, in bytes of UTF-8: a ConfigMap has 1 MiB, its metadata included. */
const MOST_BYTES = 900 * 1024;

const API_VERSION = /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?v[a-z0-9]+$/;
const KIND = /^[A-Z][A-Za-z0-9]*$/;

/** An object for the virtual cluster, and where it was given. */
export interface GivenManifest {
  /** Such as `manifests[2]`. */
  readonly field: string;
  readonly manifest: unknown;
}

/** As a user writes one; what is in it is checked. */
interface Manifest {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown } | null;
}

/** What is wrong with objects that are to be applied in the virtual cluster: each by itself, and all together. */
export function manifestProblems(given: readonly GivenManifest[]): ConfigurationProblem[] {
  const problems = given.flatMap(problemsOfOne);
  // The others need objects that can be read.
  if (problems.length > 0) return problems;
  const first = new Map<string, string>();
  for (const { field, manifest } of given) {
    const { kind, metadata } = manifest as Manifest;
    const key = identity(manifest as Manifest);
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, field);
      continue;
    }
    const name = [metadata?.namespace, metadata?.name].filter(Boolean).join('/');
    const message = `is ${other}, too: give each object once, or another name or namespace`;
    problems.push({ field, value: `${String(kind)} ${name}`, message });
  }
  const bytes = new TextEncoder().encode(manifestsText(given.map(({ manifest }) => manifest as object))).length;
  if (bytes > MOST_BYTES) {
    const message = `are ${bytes} bytes, more than the ${MOST_BYTES} that fit in a ConfigMap: leave some to a tool that runs in the virtual cluster or against it`;
    problems.push({ field: 'manifests', value: undefined, message });
  }
  return problems;
}

/** The objects as the syncer reads them: JSON, an object a line, so that a change shows as what it is. */
export function manifestsText(manifests: readonly object[]): string {
  if (manifests.length === 0) return '[]\n';
  return `[\n${manifests.map((manifest) => JSON.stringify(manifest)).join(',\n')}\n]\n`;
}

function problemsOfOne({ field, manifest }: GivenManifest): ConfigurationProblem[] {
  if (!isPlain(manifest)) {
    const value = typeof manifest === 'object' ? undefined : manifest;
    const message =
      'is no plain object: give what a YAML manifest says, such as { apiVersion: "v1", kind: "Namespace", metadata: { name: "apps" } }, and charts to addChart';
    return [{ field, value, message }];
  }
  const { apiVersion, kind, metadata } = manifest as Manifest;
  const problems: ConfigurationProblem[] = [];
  const check = (name: string, value: unknown, message: string | undefined): void => {
    if (message !== undefined) problems.push({ field: `${field}.${name}`, value, message });
  };
  check(
    'apiVersion',
    apiVersion,
    matches(apiVersion, API_VERSION) ? undefined : 'is no API version: write one such as "v1" or "apps/v1"',
  );
  check('kind', kind, matches(kind, KIND) ? undefined : 'is no kind: write one in camel case, such as "Deployment"');
  const { name, namespace } = isPlain(metadata) ? (metadata as { name?: unknown; namespace?: unknown }) : {};
  const isName = typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name);
  check(
    'metadata.name',
    name,
    isName ? undefined : 'is no name: give each object one, as the API server has it; it cannot make one up',
  );
  if (namespace !== undefined) {
    const message =
      typeof namespace === 'string' ? namespaceNameProblem(namespace) : 'is no name of a namespace: give a text';
    check('metadata.namespace', namespace, message);
  }
  return problems;
}

const matches = (value: unknown, pattern: RegExp): boolean => typeof value === 'string' && pattern.test(value);

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Two versions of a group have the same objects. */
function identity({ apiVersion, kind, metadata }: Manifest): string {
  const version = String(apiVersion);
  const group = version.includes('/') ? version.slice(0, version.indexOf('/')) : '';
  return JSON.stringify([group, kind, metadata?.namespace ?? 'default', metadata?.name]);
}
