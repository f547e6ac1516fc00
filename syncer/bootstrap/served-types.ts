import { ApiError, type KubeClient, type KubeObject, type ResourceType } from '../kube-client';

interface ServedResource {
  readonly name?: string;
  readonly kind?: string;
  readonly namespaced?: boolean;
}

/** The kinds that an API server serves now, asked for once per group and version: make a new one to ask again. */
export class ServedTypes {
  readonly #client: Pick<KubeClient, 'getText'>;
  readonly #answers = new Map<string, Promise<readonly ServedResource[]>>();

  constructor(client: Pick<KubeClient, 'getText'>) {
    this.#client = client;
  }

  /**
   * The type of an object.
   *
   * @returns undefined when its kind is not served (yet)
   * @throws ApiError when the API server does not say, as where an aggregated API is away
   */
  async of(
    { apiVersion = '', kind = '' }: Pick<KubeObject, 'apiVersion' | 'kind'>,
    signal?: AbortSignal,
  ): Promise<ResourceType | undefined> {
    let answer = this.#answers.get(apiVersion);
    if (answer === undefined) {
      answer = this.#ask(apiVersion, signal);
      this.#answers.set(apiVersion, answer);
    }
    // Subresources have kinds, too.
    const served = (await answer).find((one) => one.kind === kind && one.name !== undefined && !one.name.includes('/'));
    if (served?.name === undefined) return undefined;
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const version = apiVersion.slice(slash + 1);
    return { group, version, resource: served.name, kind, namespaced: served.namespaced === true };
  }

  async #ask(apiVersion: string, signal: AbortSignal | undefined): Promise<readonly ServedResource[]> {
    const parts = apiVersion.split('/').map(encodeURIComponent);
    const path = parts.length === 1 ? `/api/${parts[0]}` : `/apis/${parts.join('/')}`;
    try {
      const { resources } = JSON.parse(await this.#client.getText(path, { signal })) as {
        readonly resources?: readonly ServedResource[] | null;
      };
      return resources ?? [];
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }
}
