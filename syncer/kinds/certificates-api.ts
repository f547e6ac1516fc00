import { ApiError } from '../kube-client';
import type { KubeClient, ResourceType } from '../kube-client';

/** How long the answer that a resource is not served counts, in ms: many pods may ask at once. */
const ABSENT_MS = 30_000;

interface Answer {
  /** Of {@link performance.now}. */
  readonly at: number;
  readonly type: Promise<ResourceType | undefined>;
}

/**
 * Which of some types of `certificates.k8s.io` the virtual API server serves. All are served by default from Kubernetes 1.37 on;
 * before, and where its flags say so, it does not know them.
 */
export class CertificatesAPI {
  readonly #virtual: Pick<KubeClient, 'getText'>;
  readonly #answers = new Map<string, Answer>();

  constructor(virtual: Pick<KubeClient, 'getText'>) {
    this.#virtual = virtual;
  }

  /** The first of some versions of a type, best first, that is served. Once one is, nothing is asked again. */
  async served(versions: readonly ResourceType[]): Promise<ResourceType | undefined> {
    const id = versions[0]?.resource ?? '';
    const known = this.#answers.get(id);
    if (known && (performance.now() - known.at < ABSENT_MS || (await known.type))) return known.type;
    const type = this.#ask(versions);
    this.#answers.set(id, { at: performance.now(), type });
    type.catch(() => this.#answers.delete(id));
    return type;
  }

  async #ask(versions: readonly ResourceType[]): Promise<ResourceType | undefined> {
    for (const type of versions) {
      if (await this.#serves(type)) return type;
    }
    return undefined;
  }

  async #serves({ group, version, resource }: ResourceType): Promise<boolean> {
    try {
      const { resources = [] } = JSON.parse(await this.#virtual.getText(`/apis/${group}/${version}`)) as {
        resources?: readonly { readonly name?: string }[];
      };
      return resources.some(({ name }) => name === resource);
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || (error instanceof ApiError && error.status === 404)) return false;
      throw error;
    }
  }
}
