import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterConnection } from '../../syncer/kube-client';
import { InterruptedError } from './failure';

/** A Kubernetes object as far as the test bed looks into it. */
export interface AnyObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Where the objects of a kind that the test bed makes live: the last part of their path. */
const PLURALS: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  CSIDriver: 'csidrivers',
  Deployment: 'deployments',
  DeviceClass: 'deviceclasses',
  Namespace: 'namespaces',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  StorageClass: 'storageclasses',
};

/** An answer with a status that is no success. */
export class StatusError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'StatusError';
  }
}

/**
 * The few calls that the test bed itself makes to an API server.
 *
 * Not the product's own client: what proves the product should not break with it.
 */
export class Api {
  private readonly agent: Agent;

  constructor(private readonly connection: ClusterConnection) {
    const { certificateAuthority, clientCertificate, clientKey, serverName } = connection;
    this.agent = new Agent({
      keepAlive: true,
      ca: certificateAuthority,
      cert: clientCertificate,
      key: clientKey,
      ...(serverName !== undefined && { servername: serverName }),
    });
  }

  /** Closes its connections. */
  close(): void {
    this.agent.destroy();
  }

  private open(
    method: string,
    path: string,
    options: { body?: string; contentType?: string; signal?: AbortSignal | undefined; timeoutMilliseconds?: number },
  ): Promise<IncomingMessage> {
    const headers: Record<string, string | number> = { accept: 'application/json' };
    if (this.connection.token) headers['authorization'] = `Bearer ${this.connection.token}`;
    if (options.body !== undefined) {
      headers['content-type'] = options.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(options.body);
    }
    return new Promise((resolve, reject) => {
      const call = request(
        new URL(path, this.connection.server),
        { method, agent: this.agent, headers, ...(options.signal && { signal: options.signal }) },
        resolve,
      );
      if (options.timeoutMilliseconds !== undefined) {
        // A timer of our own: the request's is one of silence, and starts anew with each step of connecting.
        const timer = setTimeout(
          () => call.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
          options.timeoutMilliseconds,
        );
        call.once('close', () => clearTimeout(timer));
      }
      call.on('error', reject);
      call.end(options.body);
    });
  }

  /**
   * One call.
   *
   * @returns the text of the answer
   * @throws StatusError for a status that is no success, and the errors of the connection
   */
  async text(
    method: string,
    path: string,
    options: {
      body?: string;
      contentType?: string;
      signal?: AbortSignal | undefined;
      timeoutMilliseconds?: number;
    } = {},
  ): Promise<string> {
    const response = await this.open(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return text;
    throw new StatusError(status, `${method} ${path} answers ${status}: ${text.slice(0, 500)}`);
  }

  /** Reads an object or a list. */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return JSON.parse(await this.text('GET', path, { signal })) as T;
  }

  /** Creates the object, or makes it like this where it exists. */
  async apply(object: AnyObject, signal?: AbortSignal): Promise<void> {
    const plural = PLURALS[object.kind];
    if (!plural) throw new Error(`kind ${object.kind} is not in the table of kinds`);
    const root = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
    const { name, namespace } = object.metadata;
    const parent = namespace === undefined ? root : `${root}/namespaces/${namespace}`;
    await this.text(
      'PATCH',
      `${parent}/${plural}/${name}?fieldManager=nestling-test-bed&force=true&fieldValidation=Strict`,
      {
        body: JSON.stringify(object),
        contentType: 'application/apply-patch+yaml',
        signal,
      },
    );
  }

  /** Waits until the server says that it is ready, trying again while nothing listens. */
  async whenReady(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.text('GET', '/readyz', { signal, timeoutMilliseconds: 2000 });
        return;
      } catch (error) {
        if (signal.aborted) throw new InterruptedError();
        if (error instanceof StatusError && error.status === 401) throw error;
      }
      await sleep(50);
    }
  }

  /**
   * Watches a list until an object satisfies the condition.
   *
   * @param path of the list, without query
   * @param wanted the condition
   * @returns that object
   */
  async when<T>(path: string, wanted: (object: T) => boolean, signal: AbortSignal): Promise<T> {
    for (;;) {
      // Without a resourceVersion a watch begins with what exists.
      const response = await this.open('GET', `${path}?watch=true&timeoutSeconds=300`, { signal });
      if (response.statusCode !== 200) throw new StatusError(response.statusCode ?? 0, `watch of ${path} is refused`);
      try {
        for await (const line of createInterface({ input: response })) {
          const event = JSON.parse(line) as { type: string; object: T };
          if (event.type !== 'DELETED' && event.type !== 'ERROR' && wanted(event.object)) return event.object;
        }
      } catch (error) {
        if (signal.aborted) throw new InterruptedError();
        throw error;
      } finally {
        response.destroy();
      }
    }
  }
}
