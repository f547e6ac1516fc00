import type { Pod, Volume, VolumeProjection } from 'kubernetes-types/core/v1';
import type { ClusterTrustBundleSource } from './trust-anchors';
import type { PodCertificateSource } from './pod-certificates';

/** A source of a projected volume, with what the types of the API do not have yet. */
export type ProjectedSource = VolumeProjection & {
  readonly clusterTrustBundle?: ClusterTrustBundleSource | null;
  readonly podCertificate?: PodCertificateSource | null;
};

/** Where a source stands in its pod. */
export interface PlacedSource {
  readonly volume: Volume;
  readonly source: ProjectedSource;
  /** In the volume. */
  readonly index: number;
  /** Path of the field, for messages. */
  readonly path: string;
}

/** All sources of a pod's projected volumes, in their order. */
export function* projectedSources(pod: Pod): Generator<PlacedSource> {
  for (const [at, volume] of (pod.spec?.volumes ?? []).entries()) {
    for (const [index, source] of (volume.projected?.sources ?? []).entries()) {
      yield { volume, source, index, path: `spec.volumes[${at}].projected.sources[${index}]` };
    }
  }
}

/** Key of a source's contents on the host: volume names are unique in a pod, and so is the index of a source in its volume. */
export function projectedKey(volume: string, source: number): string {
  return `${volume}.${source}`;
}
