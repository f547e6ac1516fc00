import type { Pod, Secret } from 'kubernetes-types/core/v1';
import type { Condition, ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ObjectContext } from './context';
import { CERTIFICATES_KIND, companionMetadata } from './metadata';
import { certificatePem, pemContents } from './pem';
import { projectedKey, projectedSources } from './projected-sources';

/** PodCertificateProjection (KEP-4317): a key, and a certificate for it from a signer of the virtual cluster. */
export interface PodCertificateSource {
  readonly signerName: string;
  readonly keyType: string;
  /** Longest life of the certificate, in seconds. @default 86400, as the API server writes it */
  readonly maxExpirationSeconds?: number | null;
  /** Passed on to the signer. */
  readonly userAnnotations?: Readonly<Record<string, string>> | null;
  /** Files below the volume's mount path: the key and its chain in one, the key, the chain. */
  readonly credentialBundlePath?: string | null;
  readonly keyPath?: string | null;
  readonly certificateChainPath?: string | null;
}

/** A PodCertificateRequest of `certificates.k8s.io/v1`, as far as it is read here. */
export interface PodCertificateRequest {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly podName?: string; readonly podUID?: string; readonly [key: string]: unknown };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly certificateChain?: string;
    readonly beginRefreshAt?: string;
  };
  readonly [key: string]: unknown;
}

/** A source of a certificate in a pod. */
export interface CertificateSource {
  readonly source: PodCertificateSource;
  /** Unique for each source: {@link certificateKeys} are made of it. */
  readonly key: string;
  /** Path of the field, for messages. */
  readonly path: string;
}

/** A key and the certificates for it, both PEM. */
export interface IssuedCertificate {
  readonly privateKey: string;
  /** As the signer gave it. */
  readonly certificateChain: string;
}

/** The sources of certificates that a pod mounts, in the order of its volumes. */
export function podCertificateSources(pod: Pod): readonly CertificateSource[] {
  const result: CertificateSource[] = [];
  for (const { volume, index, source, path } of projectedSources(pod)) {
    const { podCertificate } = source;
    if (podCertificate == null) continue;
    result.push({ source: podCertificate, key: projectedKey(volume.name, index), path: `${path}.podCertificate` });
  }
  return result;
}

/** Keys in the host Secret of the three files that a source may have. */
export function certificateKeys(key: string): { readonly [path in keyof PodCertificatePaths]-?: string } {
  return { credentialBundlePath: key, keyPath: `${key}.key`, certificateChainPath: `${key}.chain` };
}

type PodCertificatePaths = Pick<PodCertificateSource, 'credentialBundlePath' | 'keyPath' | 'certificateChainPath'>;

/**
 * The host Secret with keys and certificates of a pod. Its annotations name the virtual pod, with {@link CERTIFICATES_KIND} as kind.
 *
 * @param issued what goes into the files of each {@link CertificateSource.key}; those that it lacks are left out
 */
export function translatePodCertificates(
  pod: Pod,
  issued: ReadonlyMap<string, IssuedCertificate>,
  context: Pick<ObjectContext, 'identity' | 'anchor'>,
): Secret {
  const data = new Map<string, string>();
  for (const { source, key } of podCertificateSources(pod)) {
    const certificate = issued.get(key);
    if (certificate === undefined) continue;
    const chain = [...pemContents(certificate.certificateChain)].map(certificatePem).join('');
    const files = {
      credentialBundlePath: certificate.privateKey + chain,
      keyPath: certificate.privateKey,
      certificateChainPath: chain,
    };
    for (const [path, name] of Object.entries(certificateKeys(key))) {
      const file = path as keyof typeof files;
      if (source[file]) data.set(name, Buffer.from(files[file], 'utf8').toString('base64'));
    }
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: companionMetadata(CERTIFICATES_KIND, pod, context),
    type: 'Opaque',
    data: Object.fromEntries(data),
  };
}
