import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { LABELS } from './keys';

/** What a CustomResourceDefinition says of one version. */
export interface DefinitionVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly subresources?: { readonly status?: object };
}

/** A CustomResourceDefinition (apiextensions.k8s.io/v1), as far as it is looked at here. */
export interface Definition {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly DefinitionVersion[];
  };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly storedVersions?: readonly string[];
  };
}

/** What a kind is expected to be. */
export interface ExpectedKind {
  readonly version: string;
  readonly kind: string;
  readonly scope: 'Namespaced' | 'Cluster';
}

/** Without it the API server takes no definition of a group of Kubernetes itself. */
const APPROVED = 'api-approved.kubernetes.io';

/** Why a definition does not serve a kind as it is expected, or undefined when it does. */
export function definitionProblem(definition: Definition, expected: ExpectedKind): string | undefined {
  const { spec } = definition;
  const { kind, version, scope } = expected;
  if (spec.names.kind !== kind) return `its kind is ${spec.names.kind}, not ${kind}`;
  if (spec.scope !== scope) return `its scope is ${spec.scope}, not ${scope}`;
  if (!servesVersion(definition, version)) return `it does not serve version ${version}`;
  return undefined;
}

/** Whether objects of a version can be asked for, once the definition is established. */
export function servesVersion({ spec }: Definition, version: string): boolean {
  return spec.versions.some(({ name, served }) => name === version && served);
}

/** Whether the API server has begun to serve a definition's kinds. */
export function isEstablished({ status }: Definition): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ?? false;
}

/** Whether the status of a kind is a subresource, which then is the only way to write it. */
export function hasStatusSubresource({ spec }: Definition, version: string): boolean {
  return spec.versions.find(({ name }) => name === version)?.subresources?.status !== undefined;
}

/** What is looked at of the host's definition: the one version, and nothing that is as large as it is of no use here. */
export function withVersionOnly<T extends Definition>(host: T, version: string): T {
  const { name, uid, resourceVersion, annotations } = host.metadata ?? {};
  const approved = annotations?.[APPROVED];
  const { group, scope, names, versions } = host.spec;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(approved === undefined ? {} : { annotations: { [APPROVED]: approved } }),
    },
    spec: { group, scope, names, versions: versions.filter((one) => one.name === version) },
    status: { conditions: host.status?.conditions ?? [] },
  } as unknown as T;
}

/**
 * The virtual cluster's copy of a definition of the host: one version, served and stored, with its schema, printer columns and
 * subresources. No conversion, which would ask a webhook of the host.
 *
 * @param actual the copy as it is: versions that objects may be stored in have to stay in it, unserved
 */
export function virtualDefinition(host: Definition, version: string, actual?: Definition): Definition {
  const { group, scope, names, versions } = host.spec;
  const chosen = versions
    .filter(({ name }) => name === version)
    .map((one) => ({ ...one, served: true, storage: true }));
  const stored = new Set(actual?.status?.storedVersions);
  const former = (actual?.spec.versions ?? [])
    .filter(({ name }) => name !== version && stored.has(name))
    .map((one) => ({ ...one, served: false, storage: false }));
  const approved = host.metadata?.annotations?.[APPROVED];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: host.metadata?.name ?? '',
      labels: { [LABELS.view]: 'true' },
      annotations: approved === undefined ? {} : { [APPROVED]: approved },
    },
    spec: { group, scope, names, versions: [...chosen, ...former] },
  };
}
