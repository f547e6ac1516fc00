import { createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { KubeClient, KubeObject, ResourceType } from '../../syncer/kube-client';
import { createAuthority } from '../../syncer/pki';
import {
  derBits,
  derElement,
  derElements,
  derObjectIdentifier,
  derSequence,
  derTime,
  derUnsigned,
} from '../../syncer/pki/der';

export const BUNDLES: ResourceType = {
  group: 'certificates.k8s.io',
  version: 'v1',
  resource: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
};

export const REQUESTS: ResourceType = {
  group: 'certificates.k8s.io',
  version: 'v1',
  resource: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};

/** A PodCertificateRequest, as a signer sees it. */
export interface SignedRequest extends KubeObject {
  readonly metadata?: ObjectMeta;
  readonly spec: {
    readonly signerName: string;
    readonly podName: string;
    readonly stubPKCS10Request: string;
    readonly unverifiedUserAnnotations?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly conditions?: readonly object[] };
}

const HOUR_MS = 3_600_000;
const ECDSA_WITH_SHA256 = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));

/** Plays a signer of pod certificates, which answers when it is told to. */
export class PodSigner {
  /** How long after its beginning a certificate is to be renewed, in ms. */
  static readonly REFRESH_MS = 2 * HOUR_MS;
  readonly #client: KubeClient;
  readonly #signerName: string;
  readonly #authority = createAuthority('pods', {
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 48 * HOUR_MS),
  });

  constructor(client: KubeClient, signerName: string) {
    this.#client = client;
    this.#signerName = signerName;
  }

  /** Its own certificate, which it puts behind those that it issues. */
  get authority(): string {
    return this.#authority.certificate;
  }

  /** The requests of a pod in namespace `default` that it has not answered. */
  async open(pod: string): Promise<readonly SignedRequest[]> {
    const { items } = await this.#client.list<SignedRequest>(REQUESTS, { namespace: 'default' });
    return items.filter(
      ({ spec, status }) =>
        spec.podName === pod && spec.signerName === this.#signerName && (status?.conditions ?? []).length === 0,
    );
  }

  async issue(request: SignedRequest): Promise<void> {
    const begin = Math.floor(Date.now() / 1000) * 1000;
    const [notBefore, beginRefreshAt, notAfter] = [begin, begin + PodSigner.REFRESH_MS, begin + 4 * HOUR_MS].map(
      (time) => new Date(time),
    ) as [Date, Date, Date];
    const certificateChain = this.#certificate(request, notBefore, notAfter) + this.authority;
    await this.#answer(request, 'Issued', 'Issued', 'as asked', {
      certificateChain,
      notBefore,
      beginRefreshAt,
      notAfter,
    });
  }

  async deny(request: SignedRequest, reason: string, message: string): Promise<void> {
    await this.#answer(request, 'Denied', reason, message, {});
  }

  async #answer(request: SignedRequest, type: string, reason: string, message: string, more: object): Promise<void> {
    const { namespace = '', name = '' } = request.metadata ?? {};
    const condition = { type, status: 'True', reason, message, lastTransitionTime: new Date() };
    await this.#client.patch(
      REQUESTS,
      { namespace, name, subresource: 'status', type: 'merge' },
      JSON.parse(
        JSON.stringify({ status: { conditions: [condition], ...more } }).replace(/\.\d{3}Z"/g, 'Z"'),
      ) as object,
    );
  }

  /** A certificate for the key of a request. */
  #certificate({ spec }: SignedRequest, notBefore: Date, notAfter: Date): string {
    const [asked = Buffer.alloc(0)] = derElements(Buffer.from(spec.stubPKCS10Request, 'base64'));
    const [, , publicKey = Buffer.alloc(0)] = derElements(asked);
    const [authority = Buffer.alloc(0)] = derElements(new X509Certificate(this.authority).raw);
    const subject = derElements(authority)[5] ?? Buffer.alloc(0);
    const body = derSequence(
      derElement(0xa0, derUnsigned(Buffer.from([2]))),
      derUnsigned(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      subject,
      derSequence(derTime(notBefore), derTime(notAfter)),
      derSequence(),
      publicKey,
    );
    const signature = sign('sha256', body, createPrivateKey(this.#authority.key));
    const lines =
      derSequence(body, ECDSA_WITH_SHA256, derBits(signature))
        .toString('base64')
        .match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}
