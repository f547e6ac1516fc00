import { randomBytes } from 'node:crypto';
import {
  type AnyObject,
  ApiError,
  apiVersionOf,
  KubeClient,
  resources,
  type ResourceType,
} from '../../syncer/kube-client';
import { connectionOf } from './kubeconfig';
import { untilGone, untilReady } from './readiness';

/** Owner of the fields that a program says. */
const FIELD_MANAGER = 'pulumi-kubernetes';

/** What an object is. */
interface TypeOfObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}

/** An object that is on the cluster and does not become ready. */
export class NotReadyError extends Error {
  constructor(
    readonly id: string,
    readonly object: AnyObject,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Objects of one API server, as the provider of that cluster makes them. */
export class Objects {
  readonly #client: KubeClient;
  readonly #types = new Map<string, ResourceType>(
    Object.values(resources).map((type) => [`${apiVersionOf(type)} ${type.kind}`, type]),
  );

  constructor(kubeconfig: string) {
    this.#client = new KubeClient(connectionOf(kubeconfig), { userAgent: FIELD_MANAGER, timeoutSeconds: 10 });
  }

  /** Applies an object and waits until it does its work. @throws NotReadyError when it is there and does not */
  async apply(inputs: AnyObject): Promise<{ readonly id: string; readonly object: AnyObject }> {
    const type = await this.#typeOf(inputs);
    const { name = '', namespace } = inputs.metadata ?? {};
    const options = { name, namespace, type: 'apply', fieldManager: FIELD_MANAGER } as const;
    const applied = await this.#client.patch<AnyObject>(type, options, inputs);
    const id = idOf(applied);
    try {
      return { id, object: shown(await untilReady(this.#client, type, applied)) };
    } catch (error) {
      throw new NotReadyError(id, shown(applied), error);
    }
  }

  /** An object as it is; undefined where there is none. */
  async read(id: string, { apiVersion, kind }: TypeOfObject): Promise<AnyObject | undefined> {
    const type = await this.#typeOf({ apiVersion, kind });
    const [name = '', namespace] = id.split('/').reverse();
    try {
      return shown(await this.#client.get<AnyObject>(type, { name, namespace }));
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Deletes an object with what it owns, and waits until it is gone. */
  async delete({ apiVersion, kind, metadata }: AnyObject): Promise<void> {
    const { name = '', namespace, uid } = metadata ?? {};
    try {
      const type = await this.#typeOf({ apiVersion, kind });
      await this.#client.delete(type, { name, namespace, propagationPolicy: 'Foreground' });
      await untilGone(this.#client, type, name, namespace, uid);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }

  /** What a program left out: a name of its own, and the namespace. */
  async completed(inputs: AnyObject, old: AnyObject | undefined, resourceName: string): Promise<AnyObject> {
    const { namespaced } = await this.#typeOf(inputs);
    const name = inputs.metadata?.name ?? old?.metadata?.name ?? `${resourceName}-${randomBytes(4).toString('hex')}`;
    const namespace = inputs.metadata?.namespace ?? (namespaced ? 'default' : undefined);
    return { ...inputs, metadata: { ...inputs.metadata, name, ...(namespace !== undefined && { namespace }) } };
  }

  async #typeOf({ apiVersion = '', kind = '' }: TypeOfObject): Promise<ResourceType> {
    const key = `${apiVersion} ${kind}`;
    const known = this.#types.get(key);
    if (known !== undefined) return known;
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const list = JSON.parse(await this.#client.getText(path)) as {
      resources: { name: string; kind: string; namespaced: boolean }[];
    };
    const found = list.resources.find((one) => one.kind === kind && !one.name.includes('/'));
    if (found === undefined) throw new Error(`the API server has no ${apiVersion} ${kind}`);
    const type = { group, version, resource: found.name, kind, namespaced: found.namespaced };
    this.#types.set(key, type);
    return type;
  }
}

function idOf({ metadata }: AnyObject): string {
  return metadata?.namespace === undefined ? `${metadata?.name}` : `${metadata.namespace}/${metadata.name}`;
}

/** Without what the API server keeps for itself. */
function shown(object: AnyObject): AnyObject {
  const metadata = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
}
