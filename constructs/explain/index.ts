import { controlPlaneNames, type SyncerConfiguration } from '../../syncer/configuration';
import { parseConfiguration } from '../../syncer/configuration/document';
import { makeTwin, type Violation } from '../../syncer/policy';
import { FieldPatches, hostName, type ObjectContext, type Reference } from '../../syncer/translation';
import type { VirtualCluster } from '../virtual-cluster';
import { explainFields, type ExplainedField } from './explained-fields';
import type { JsonObject } from './leaves';
import { stepFor, type ExplainFacts } from './pipeline';

export type { ExplainedField } from './explained-fields';
export type { ExplainFacts } from './pipeline';

/** A manifest of a tenant: an object of Kubernetes as plain JSON. */
export interface TenantManifest {
  /**
   * API group and version, such as `apps/v1`.
   *
   * @default - none, which `explain` refuses
   */
  readonly apiVersion?: string;
  /**
   * Kind, such as `Deployment`.
   *
   * @default - none, which `explain` refuses
   */
  readonly kind?: string;
  /**
   * Name and namespace, and all else that the object's metadata have. Without a namespace it is `default`, as `kubectl apply` has it.
   *
   * @default - no name, in namespace `default`
   */
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}

/** A virtual cluster that runs, as its host has it. */
export interface ClusterOnHost {
  /** Its host namespace. */
  readonly namespace: string;
  /** The syncer's document: key `configuration.yaml` of ConfigMap NAME-configuration in the host namespace. */
  readonly configuration: string;
}

/** Another object of the tenant that the host object needs. */
export interface NeededObject {
  /** Its kind, such as `Secret`. */
  readonly kind: string;
  /** Its namespace in the virtual cluster. */
  readonly namespace: string;
  /** Its name in the virtual cluster. */
  readonly name: string;
  /** Its name on the host. */
  readonly hostName: string;
  /** Whether the pod starts without it. */
  readonly optional: boolean;
}

/** What becomes of a tenant's manifest. */
export interface Explanation {
  /**
   * `synced`: a host object is made of it; `refused`: none is, and the tenant is told why by an event; `stays`: it lives in the virtual
   * cluster only.
   */
  readonly outcome: 'synced' | 'refused' | 'stays';
  /** Why it is refused or stays, and under which condition it is synced; empty where there is nothing to say. */
  readonly reason: string;
  /** What is made on the host: at most one object; what is kept beside a pod (tokens, trust anchors) is the running cluster's. */
  readonly hostObject: JsonObject | undefined;
  /** What became of each field; empty where nothing goes to the host. */
  readonly fields: readonly ExplainedField[];
  /** Objects of the tenant that it refers to. */
  readonly needs: readonly NeededObject[];
  /** For a workload: what becomes of each pod that its controller makes in the virtual cluster. */
  readonly pod: Explanation | undefined;
  /** All of it as text, one line a field. */
  readonly text: string;
}

/** Kinds whose pods a controller of the virtual cluster makes, and where the template stands. */
const TEMPLATES: ReadonlyMap<string, readonly string[]> = new Map([
  ['apps/v1 Deployment', ['spec', 'template']],
  ['apps/v1 ReplicaSet', ['spec', 'template']],
  ['apps/v1 StatefulSet', ['spec', 'template']],
  ['apps/v1 DaemonSet', ['spec', 'template']],
  ['batch/v1 Job', ['spec', 'template']],
  ['batch/v1 CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
]);

/**
 * What a tenant's manifest becomes on the host of a virtual cluster, field by field with the rule, or why it is refused. By the functions that
 * the cluster's syncer calls, so it holds for the running cluster, too; the manifest is taken as it is, without what the virtual API
 * server's own admission adds (defaults, the token of a service account).
 *
 * @param cluster one that an app declares, or one that runs
 * @param facts what only the running cluster knows
 * @throws Error when the cluster's own properties are wrong, the document is none that this release reads, or the manifest has no kind
 */
export function explain(
  manifest: TenantManifest,
  cluster: VirtualCluster | ClusterOnHost,
  facts: ExplainFacts = {},
): Explanation {
  const { apiVersion, kind } = manifest;
  if (!apiVersion || !kind) {
    throw new Error(
      'the manifest has no apiVersion or no kind: give an object of Kubernetes, such as { apiVersion: "v1", kind: "Pod", … }',
    );
  }
  const known =
    'spec' in cluster ? cluster.spec : { ...cluster, configuration: parseConfiguration(cluster.configuration) };
  return explained(inNamespace(manifest), known, facts);
}

/** What has to be known of a cluster. */
interface Known {
  readonly namespace: string;
  readonly configuration: SyncerConfiguration;
}

function explained(manifest: JsonObject & TenantManifest, spec: Known, facts: ExplainFacts): Explanation {
  const { configuration } = spec;
  const { name } = configuration.virtualCluster;
  const identity = { name, hostNamespace: spec.namespace };
  const anchor = controlPlaneNames(name).anchor;
  const context: ObjectContext = {
    identity,
    anchor: { name: anchor, uid: `<UID of ConfigMap ${anchor}>` },
    hostMinor: facts.hostMinor,
  };
  const kind = manifest.kind ?? '';
  const step = stepFor(manifest, configuration, context, facts);
  if ('stays' in step) {
    const template = podOf(manifest);
    const pod = template && explained(template, spec, facts);
    return result(manifest, { outcome: 'stays', reason: step.stays, ...(pod === undefined ? {} : { pod }) });
  }
  const withUid = { ...manifest, metadata: { ...manifest.metadata, uid: `<UID of the ${kind}>` } };
  const patches = new FieldPatches(configuration.sync.patches, patchedKind(manifest, spec), identity);
  const made = makeTwin<JsonObject>(withUid, step.steps, patches);
  if (!made.ok) return result(manifest, { outcome: 'refused', reason: `${made.reason}: ${made.message}` });
  const problem = step.problem?.(made.references);
  if (problem !== undefined) return result(manifest, { outcome: 'refused', reason: `Unsupported: ${problem}` });
  return result(manifest, {
    outcome: 'synced',
    reason: [...(step.condition === undefined ? [] : [step.condition]), ...left(made.violations)].join('; '),
    hostObject: made.object,
    fields: explainFields(kind, manifest, made.object, made.translated),
    needs: made.references.map((one: Reference) => ({
      kind: one.kind,
      namespace: one.namespace,
      name: one.name,
      hostName: hostName(identity, one.namespace, one.name),
      optional: one.optional,
    })),
  });
}

/** What of an object stays behind, and why. */
const left = (violations: readonly Violation[]): string[] => violations.map(({ message }) => `left out: ${message}`);

function patchedKind({ apiVersion = '', kind = '' }: TenantManifest, { configuration }: Known) {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const isCustom = configuration.sync.toHost.customResources.some((one) => one.group === group && one.kind === kind);
  return { kind, direction: 'toHost', ...(isCustom ? { customGroup: group } : {}) } as const;
}

/** As `kubectl apply` would send it. */
function inNamespace(manifest: TenantManifest): JsonObject & TenantManifest {
  const namespace = manifest.metadata?.namespace ?? 'default';
  return { ...(manifest as JsonObject), metadata: { ...manifest.metadata, namespace } };
}

/** One pod of a workload; controllers end the name with letters that nobody knows before. */
function podOf(workload: JsonObject & TenantManifest): (JsonObject & TenantManifest) | undefined {
  const path = TEMPLATES.get(`${workload.apiVersion} ${workload.kind}`);
  if (path === undefined) return undefined;
  const template = path.reduce<unknown>((value, key) => (value as JsonObject | undefined)?.[key], workload);
  if (typeof template !== 'object' || template === null) return undefined;
  const { metadata = {}, spec } = template as { readonly metadata?: object; readonly spec?: object };
  const { name = '', namespace } = workload.metadata ?? {};
  const ending = workload.kind === 'StatefulSet' ? '0' : 'abcde';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: `${name}-${ending}`, namespace },
    spec,
  } as JsonObject & TenantManifest;
}

function result(
  manifest: TenantManifest,
  found: Pick<Explanation, 'outcome' | 'reason'> & Partial<Explanation>,
): Explanation {
  const whole = { hostObject: undefined, fields: [], needs: [], pod: undefined, ...found };
  return { ...whole, text: textOf(manifest, whole) };
}

function textOf(
  { kind, metadata }: TenantManifest,
  { outcome, reason, hostObject, fields, needs, pod }: Omit<Explanation, 'text'>,
): string {
  const what = `${kind} ${metadata?.namespace}/${metadata?.name}`;
  const because = reason === '' ? '' : `: ${reason}`;
  if (outcome !== 'synced') {
    const lines = [
      outcome === 'refused' ? `${what} is refused${because}` : `${what} stays in the virtual cluster${because}`,
    ];
    if (pod !== undefined) lines.push('each of its pods:', pod.text.trimEnd().replace(/^/gm, '  '));
    return `${lines.join('\n')}\n`;
  }
  const { name, namespace } = (hostObject?.['metadata'] ?? {}) as {
    readonly name?: string;
    readonly namespace?: string;
  };
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  const lines = fields.map(({ path, hostPath, change, virtual, host, rule }) => {
    const value =
      change === 'changed' ? `${shown(virtual)} → ${shown(host)}` : shown(change === 'left out' ? virtual : host);
    return `  ${change.padEnd(8)}  ${path}${hostPath === undefined ? '' : ` → ${hostPath}`}: ${value}  (${rule})`;
  });
  const needed = needs.map(
    (one) => `  needs     ${one.kind} ${one.namespace}/${one.name}, on the host ${one.hostName}`,
  );
  return `${[`${what} becomes ${kind} ${place} on the host${because}`, ...lines, ...needed].join('\n')}\n`;
}

/** Long values are cut: a line must stay readable. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
