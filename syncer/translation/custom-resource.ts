import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1';
import { jsonPath, type CustomResourceToHost, type JsonPath } from '../configuration';
import { contentOf } from './applied';
import type { ObjectContext, Reference, Translation } from './context';
import { formatPath, isObject, type JsonObject } from './fields';
import { editAt, isDeeperThan, MAX_DEPTH, visitAt, type Found, type Place } from './json-path';
import { hostMatchLabels, hostSelector, hostSelectorAnywhere } from './labels';
import { hostClusterMetadata, hostMetadata } from './metadata';
import { clusterScopedHostName, hostName, isNamespaceName, isObjectName } from './names';
import { tenantTexts, type KnownName } from './tenant-text';

/** An object of a kind that is only known at run time. */
export interface CustomResource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly [field: string]: unknown;
}

/** Kinds of which the host has only what something refers to. */
const CONTENT_KINDS: ReadonlySet<string> = new Set(['Secret', 'ConfigMap', 'PersistentVolumeClaim', 'ServiceAccount']);
/** Names that are looked for inside of the texts of one status; more only where a text is nothing but a name. */
const NAMES_IN_TEXTS = 32;

/** Characters of a wrong name that a message has. */
const QUOTED = 64;
const OBJECT_NAME = 'use lower-case letters, digits, dashes and dots, as the name of the object itself has them';
const NAMESPACE_NAME = 'use at most 63 lower-case letters, digits and dashes';

/** A declared reference with its paths read once. */
interface DeclaredReference {
  readonly path: JsonPath;
  readonly namespacePath: JsonPath | undefined;
  /** Key of the namespace beside the name. */
  readonly namespaceKey: string | undefined;
  readonly kind: CustomResourceToHost['references'][number]['kind'];
  readonly clusterScoped: boolean;
}

/** A name that a custom resource holds. */
interface HeldName {
  readonly kind: DeclaredReference['kind'];
  readonly place: Place;
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
}

/**
 * Translates the custom resources of one kind: metadata as of every kind, declared references and label selectors in the host's
 * names, and everything else but the status **as it is**. What a field that nobody declared names on the host, it names there: the
 * operator decides that by naming the kind.
 */
export class CustomResourceTranslator {
  readonly #kind: CustomResourceToHost;
  readonly #context: ObjectContext;
  readonly #references: readonly DeclaredReference[];
  readonly #selectors: readonly JsonPath[];
  readonly #maps: readonly JsonPath[];

  /** @param all every kind of custom resource that goes to the host: references may name objects of them */
  constructor(kind: CustomResourceToHost, all: readonly CustomResourceToHost[], context: ObjectContext) {
    this.#kind = kind;
    this.#context = context;
    this.#references = kind.references.map(({ path, kind: to, namespacePath }) => {
      const target =
        to === 'self'
          ? kind
          : typeof to === 'string'
            ? undefined
            : all.find((one) => one.group === to.group && one.kind === to.kind);
      const namespaceAt = namespacePath === undefined ? undefined : jsonPath(namespacePath);
      const last = namespaceAt?.at(-1);
      return {
        path: jsonPath(path),
        kind: to,
        namespacePath: namespaceAt,
        namespaceKey: last !== undefined && 'key' in last ? last.key : undefined,
        clusterScoped: target?.scope === 'Cluster',
      };
    });
    this.#selectors = kind.labelSelectors.map(jsonPath);
    this.#maps = kind.labelMaps.map(jsonPath);
  }

  /** The host's object. Parts that mean the same there are shared with the virtual one: change neither. */
  translate(virtual: CustomResource): Translation<CustomResource> {
    if (isDeeperThan(virtual, MAX_DEPTH)) {
      const message = `the object has more than ${MAX_DEPTH} levels of objects and lists within each other; use fewer`;
      return { ok: false, reason: 'Unsupported', message };
    }
    const problems: string[] = [];
    const source = contentOf(virtual);
    let content: unknown = source;
    const held = this.#names(virtual, source, problems);
    const names = new Map(held.map(({ place, host }) => [JSON.stringify(place), host]));
    for (const { path } of this.#references) {
      content = editAt(content, path, (value, place) => names.get(JSON.stringify(place)) ?? value);
    }
    for (const { namespacePath } of this.#references) {
      if (namespacePath !== undefined) content = this.#withHostNamespaces(content, namespacePath, problems);
    }
    for (const path of this.#selectors) content = this.#withSelector(content, path, virtual, problems);
    for (const path of this.#maps) content = this.#withLabels(content, path, virtual, problems);
    if (problems.length > 0) return { ok: false, reason: 'Unsupported', message: problems.join('; ') };
    const { group, version, kind, scope } = this.#kind;
    const metadata =
      scope === 'Cluster'
        ? hostClusterMetadata(kind, virtual.metadata, this.#context)
        : hostMetadata(kind, virtual.metadata, this.#context);
    return {
      ok: true,
      object: { ...(content as JsonObject), apiVersion: `${group}/${version}`, kind, metadata },
      references: this.#contents(held),
    };
  }

  /** Objects that the host has while this one names them. */
  references(virtual: CustomResource): readonly Reference[] {
    return this.#contents(this.#names(virtual, contentOf(virtual), []));
  }

  /** The virtual objects whose host names may occur in what the host says of this one. */
  knownNames(virtual: CustomResource, host?: CustomResource): readonly KnownName[] {
    return known(virtual, host, this.#names(virtual, contentOf(virtual), []));
  }

  /**
   * The status that the virtual object is to have: the host's, in the tenant's names, keys of maps included.
   *
   * @param counts whether the virtual object's generation counts changes of its content alone (its status is a subresource): then
   * `observedGeneration` is told in it, so that a client sees that the newest content was looked at
   * @returns undefined for a status that is too deep
   */
  virtualStatus(host: CustomResource, virtual: CustomResource, counts: boolean): JsonObject | undefined {
    const status = host['status'];
    if (!isObject(status)) return {};
    if (isDeeperThan(status, MAX_DEPTH)) return undefined;
    const held = this.#names(virtual, contentOf(virtual), []);
    const names = new Map<string, string>([[host.metadata?.name ?? '', virtual.metadata?.name ?? '']]);
    for (const one of held) names.set(one.host, one.name);
    const inTenantNames = tenantTexts(this.#context.identity, known(virtual, host, held));
    const translated = mapTexts(status, (text) => names.get(text) ?? inTenantNames(text)) as JsonObject;
    return counts ? withGenerations(translated, host, virtual) : translated;
  }

  #names(virtual: CustomResource, content: JsonObject, problems: string[]): readonly HeldName[] {
    const own = virtual.metadata?.namespace ?? '';
    const { identity } = this.#context;
    return this.#references.flatMap(({ path, kind, namespaceKey, clusterScoped }) =>
      visitAt(content, path, { onMismatch: inTheWay(problems) }).flatMap((found): HeldName[] => {
        const { value, place } = found;
        if (value === null || value === '') return [];
        if (typeof value !== 'string') {
          problems.push(`${formatPath(place)} is no text where a name is expected; correct it`);
          return [];
        }
        if (!isObjectName(value)) {
          problems.push(noName(place, value, 'an object; ' + OBJECT_NAME));
          return [];
        }
        const namespace = namespaceOf(found, namespaceKey) ?? own;
        // What stands there is looked at with the namespaces.
        if (namespace !== '' && !isNamespaceName(namespace)) return [];
        if (namespace === '' && !clusterScoped) {
          problems.push(`${formatPath(place)} is a name without a namespace; add ${namespaceKey ?? 'one'}`);
          return [];
        }
        const host = clusterScoped ? clusterScopedHostName(identity, value) : hostName(identity, namespace, value);
        return [{ kind, place, namespace: clusterScoped ? '' : namespace, name: value, host }];
      }),
    );
  }

  #contents(held: readonly HeldName[]): readonly Reference[] {
    return held.flatMap(({ kind, namespace, name }) =>
      typeof kind === 'string' && CONTENT_KINDS.has(kind)
        ? [{ kind: kind as Reference['kind'], namespace, name, optional: true }]
        : [],
    );
  }

  /** All objects of the tenant are in one namespace of the host, also those that are named by a namespace alone. */
  #withHostNamespaces(content: unknown, path: JsonPath, problems: string[]): unknown {
    return editAt(content, path, (value, place) => {
      if (value === null || value === '') return value;
      if (typeof value === 'string') {
        if (!isNamespaceName(value)) problems.push(noName(place, value, 'a namespace; ' + NAMESPACE_NAME));
        return this.#context.identity.hostNamespace;
      }
      problems.push(`${formatPath(place)} is no text where a namespace is expected; correct it`);
      return value;
    });
  }

  #withSelector(content: unknown, path: JsonPath, virtual: CustomResource, problems: string[]): unknown {
    const { identity } = this.#context;
    const namespace = virtual.metadata?.namespace;
    const what = 'label selector of matchLabels and matchExpressions';
    return withTranslated(content, path, problems, { what, is: isSelector }, (selector) =>
      namespace === undefined ? hostSelectorAnywhere(identity, selector) : hostSelector(identity, namespace, selector),
    );
  }

  #withLabels(content: unknown, path: JsonPath, virtual: CustomResource, problems: string[]): unknown {
    const { identity } = this.#context;
    const namespace = virtual.metadata?.namespace;
    return withTranslated(content, path, problems, { what: 'map of labels', is: isLabels }, (labels) =>
      namespace === undefined
        ? hostSelectorAnywhere(identity, { matchLabels: labels }).matchLabels
        : hostMatchLabels(identity, namespace, labels),
    );
  }
}

/** The content with what stands at a path translated; a value of another shape there is a problem, and null is nothing. */
function withTranslated<V>(
  content: unknown,
  path: JsonPath,
  problems: string[],
  expected: { readonly what: string; readonly is: (value: unknown) => value is V },
  translate: (value: V) => unknown,
): unknown {
  const change = (value: unknown, place: Place): unknown => {
    if (value === null) return value;
    if (expected.is(value)) return translate(value);
    problems.push(`${formatPath(place)} is no ${expected.what}; correct it`);
    return value;
  };
  return editAt(content, path, change, { onMismatch: inTheWay(problems) });
}

/** An object and what it names, as far as texts about it are searched for them. */
function known(
  { metadata: { name = '', namespace = '', uid } = {} }: CustomResource,
  host: CustomResource | undefined,
  held: readonly HeldName[],
): readonly KnownName[] {
  const hostUID = host?.metadata?.uid;
  const uids = uid === undefined || hostUID === undefined ? {} : { uids: { host: hostUID, virtual: uid } };
  const named = held.slice(0, NAMES_IN_TEXTS).map((one) => ({ namespace: one.namespace, name: one.name }));
  return [{ namespace, name, ...uids }, ...named];
}

const inTheWay =
  (problems: string[]) =>
  (place: Place): void => {
    problems.push(`${formatPath(place)} is no object, so that nothing can be named in it; correct it`);
  };

/** The namespace beside a name; undefined where none is set. */
function namespaceOf({ parent }: Found, key: string | undefined): string | undefined {
  if (key === undefined || !isObject(parent) || !Object.hasOwn(parent, key)) return undefined;
  const value = parent[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isLabels(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((label) => typeof label === 'string');
}

function isSelector(value: unknown): value is LabelSelector {
  if (!isObject(value)) return false;
  const expressions = Object.hasOwn(value, 'matchExpressions') ? value['matchExpressions'] : undefined;
  const labels = Object.hasOwn(value, 'matchLabels') ? value['matchLabels'] : undefined;
  return (
    Object.keys(value).every((key) => key === 'matchLabels' || key === 'matchExpressions') &&
    (labels === undefined || labels === null || isLabels(labels)) &&
    (expressions === undefined ||
      expressions === null ||
      (Array.isArray(expressions) && expressions.every((one) => isObject(one) && typeof one['key'] === 'string')))
  );
}

/**
 * A copy with other texts, keys too, as lists of objects are often maps by their names; the caller has bounded the depth. Where two
 * keys become one, that which needed no change stays: the other one is about an object that only has its name.
 */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((element) => mapTexts(element, change));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const changed = change(key);
    return changed !== key && Object.hasOwn(value, changed) ? [] : [[changed, mapTexts(inner, change)]];
  });
  return Object.fromEntries(entries);
}

/** What is told of a text that stands where a name is expected: no more of it than a message bears. */
function noName(place: Place, text: string, remedy: string): string {
  const shown = JSON.stringify(text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text);
  return `${formatPath(place)} is ${shown}, which is no name of ${remedy}`;
}

/** With `observedGeneration`, of the status and of its conditions, told in the virtual object's generations. */
function withGenerations(status: JsonObject, host: CustomResource, virtual: CustomResource): JsonObject {
  const of = (observed: unknown): unknown => {
    const [theirs, ours] = [host.metadata?.generation, virtual.metadata?.generation];
    if (typeof observed !== 'number' || theirs === undefined || ours === undefined) return observed;
    return observed >= theirs ? ours : Math.max(0, ours - 1);
  };
  const told = editAt(status, [{ key: 'observedGeneration' }], of);
  return editAt(told, [{ key: 'conditions' }, { every: true }, { key: 'observedGeneration' }], of) as JsonObject;
}
