import { hash } from 'node:crypto';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ObjectContext } from './context';
import { matchesLabels } from './label-selector';
import { companionMetadata, TRUST_KIND } from './metadata';
import { certificatePem, pemContents } from './pem';
import { projectedKey, projectedSources } from './projected-sources';

/** A ClusterTrustBundle of `certificates.k8s.io` (KEP-3257). */
export interface ClusterTrustBundle {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly signerName?: string; readonly trustBundle?: string };
  readonly [key: string]: unknown;
}

/** ClusterTrustBundleProjection, which names one bundle or selects those of a signer. */
export interface ClusterTrustBundleSource {
  readonly name?: string | null;
  readonly signerName?: string | null;
  readonly labelSelector?: LabelSelector | null;
  /** Whether the file is there, empty, when there is no such bundle. @default false: the pod waits for one */
  readonly optional?: boolean | null;
  /** File below the volume's mount path. */
  readonly path: string;
}

/** A source of trust anchors in a pod. */
export interface TrustSource {
  readonly source: ClusterTrustBundleSource;
  /** Key in the host ConfigMap. */
  readonly key: string;
  /** Path of the field, for messages. */
  readonly path: string;
}

/** The sources of trust anchors that a pod mounts, in the order of its volumes. */
export function podTrustSources(pod: Pod): readonly TrustSource[] {
  const result: TrustSource[] = [];
  for (const { volume, index, source, path } of projectedSources(pod)) {
    const { clusterTrustBundle } = source;
    if (clusterTrustBundle == null) continue;
    result.push({
      source: clusterTrustBundle,
      key: projectedKey(volume.name, index),
      path: `${path}.clusterTrustBundle`,
    });
  }
  return result;
}

/** The file of a source, or what is missing for it: the end of a sentence that begins with the field's path. */
export type TrustAnchors =
  { readonly ok: true; readonly pem: string } | { readonly ok: false; readonly missing: string };

/**
 * What a kubelet writes for a source: the certificates of all bundles that it selects, each once, without anything between them.
 * Their order means nothing; a kubelet makes a new one at each start, here it follows from the certificates alone, so that
 * the same bundles are the same file.
 */
export function trustAnchors(source: ClusterTrustBundleSource, bundles: Iterable<ClusterTrustBundle>): TrustAnchors {
  const { name, signerName, labelSelector } = source;
  const selected = [...bundles].filter(({ metadata, spec }) =>
    name == null
      ? signerName != null && spec?.signerName === signerName && matchesLabels(labelSelector, metadata?.labels)
      : metadata?.name === name,
  );
  if (selected.length === 0 && source.optional !== true) return { ok: false, missing: whatIsMissing(source) };
  const byDigest = new Map<string, Buffer>();
  for (const { spec } of selected) {
    for (const der of pemContents(spec?.trustBundle ?? '')) byDigest.set(hash('sha256', der, 'hex'), der);
  }
  const sorted = [...byDigest].sort(([one], [other]) => (one < other ? -1 : 1));
  return { ok: true, pem: sorted.map(([, der]) => certificatePem(der)).join('') };
}

function whatIsMissing({ name, signerName, labelSelector }: ClusterTrustBundleSource): string {
  if (name != null) {
    return `names the ClusterTrustBundle "${name}", which does not exist; create it, or set optional: true to start without`;
  }
  if (signerName == null) return 'has neither name nor signerName; set one of them';
  const all = 'create one, or set optional: true to start without';
  return labelSelector == null
    ? `has no labelSelector, which matches no ClusterTrustBundle; set it to {} for all of signer "${signerName}"`
    : `matches no ClusterTrustBundle of signer "${signerName}"; ${all}`;
}

/**
 * The host ConfigMap with the trust anchors that a pod mounts. Its annotations name the virtual pod, with {@link TRUST_KIND} as kind.
 *
 * @param files the file for each {@link TrustSource.key}
 */
export function translateTrustAnchors(
  pod: Pod,
  files: ReadonlyMap<string, string>,
  context: Pick<ObjectContext, 'identity' | 'anchor'>,
): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: companionMetadata(TRUST_KIND, pod, context),
    data: Object.fromEntries(files),
  };
}
