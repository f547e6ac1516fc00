import { ApiError, KubeClient } from '../syncer/kube-client';
import type { HostCluster } from './host';
import { credentialsOf, readKubeconfig, resolveContext } from './kubeconfig';

/** Credentials of a plugin are asked for anew this long before they end. */
const RENEW_MS = 30_000;
/** Seconds that a call may take with its retries: a connection waits for it. */
const TIMEOUT_SECONDS = 15;

/** A client with its credentials, and what still uses it. */
interface Access {
  readonly client: KubeClient;
  /** Milliseconds since the epoch; undefined where nobody said. */
  readonly expires: number | undefined;
  users: number;
}

/**
 * Calls to a host cluster over hours: the context is read again from its kubeconfig when its credentials are about to end, and when the host
 * does not take them any more, as after somebody logged in again.
 */
export class HostAccess {
  #access: Access | undefined;
  #renewal: Promise<Access> | undefined;
  #closed = false;

  constructor(private readonly host: Pick<HostCluster, 'kubeconfig' | 'context'>) {}

  /**
   * Does something with a client whose credentials are good, and once more with newly read ones where they were not. The client is open for as
   * long as that takes.
   *
   * @throws Failure for what is wrong with the kubeconfig, ApiError 401 where its credentials are refused, too, and what `work` throws
   */
  async call<T>(work: (client: KubeClient) => Promise<T>): Promise<T> {
    let access = this.#access;
    if (access === undefined || (access.expires ?? Infinity) < Date.now() + RENEW_MS)
      access = await this.#renew(access);
    try {
      return await this.#use(access, work);
    } catch (error) {
      if (!ApiError.is(error, 'Unauthorized')) throw error;
    }
    return this.#use(await this.#renew(access), work);
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#access?.client.close();
  }

  /** @param old what is not good any more; of several who say so at once, all get the same new one */
  #renew(old: Access | undefined): Promise<Access> {
    if (this.#access !== undefined && this.#access !== old) return Promise.resolve(this.#access);
    return (this.#renewal ??= this.#open()
      .then(async (access) => {
        this.#access = access;
        if (this.#closed) await access.client.close();
        if (old !== undefined) await this.#closeUnused(old);
        return access;
      })
      .finally(() => (this.#renewal = undefined)));
  }

  async #open(): Promise<Access> {
    const { kubeconfig, context } = this.host;
    const read = resolveContext(await readKubeconfig(kubeconfig.files), context.name);
    const { connection, expires } = await credentialsOf(read);
    const client = new KubeClient(connection, { userAgent: 'nestling-cli', timeoutSeconds: TIMEOUT_SECONDS });
    return { client, expires, users: 0 };
  }

  async #use<T>(access: Access, work: (client: KubeClient) => Promise<T>): Promise<T> {
    access.users++;
    try {
      return await work(access.client);
    } finally {
      access.users--;
      await this.#closeUnused(access);
    }
  }

  /** Others may be in the middle of a call with it: the last of them closes it. */
  async #closeUnused(access: Access): Promise<void> {
    if (access !== this.#access && access.users === 0) await access.client.close();
  }
}
