import type { Attempt, AttackManifest, Outcome } from '../../constructs/attacks/attacks';
import { forbiddenIn, named } from '../../constructs/attacks/outcome';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import type { Tenant } from './tenant';

const TYPES: Readonly<Record<string, ResourceType>> = {
  Pod: resources.pods,
  Service: resources.services,
  Ingress: resources.ingresses,
  NetworkPolicy: resources.networkPolicies,
  PersistentVolumeClaim: resources.persistentVolumeClaims,
  EndpointSlice: resources.endpointSlices,
};

interface Event extends KubeObject {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly message?: string;
}

/** What the platform of these tests lets Ingresses have. */
export const ALLOWED = { hosts: ['*.team-a.example.com'], classes: ['tenants'] } as const;

/** How many objects are made at a time. */
const AT_ONCE = 6;

/** What tenants' attempts become, in a namespace of a virtual cluster. All are made first, and looked at one by one. */
export class Attempts {
  readonly #tenant: Tenant;
  /** Why the tenant's API server did not take an object, by kind and name. */
  readonly #rejections = new Map<string, string>();

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  async make(attempts: readonly Attempt[]): Promise<void> {
    const waiting = [...attempts];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#make(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async #make({ manifest }: Attempt): Promise<void> {
    const { kind, metadata, ...rest } = this.#named(manifest);
    await eventually(`the API server takes or refuses ${kind} ${metadata.name}`, async () => {
      try {
        await this.#tenant.create(typeOf(kind), metadata.name, { metadata, ...rest });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // It did not get to decide, on a machine that is busy; or it did, and the answer was lost.
        if (error.status >= 500) throw error;
        if (error.reason !== 'AlreadyExists') this.#rejections.set(`${kind}/${metadata.name}`, error.message);
      }
      return true;
    });
  }

  /** Waits until an attempt is what it should be. */
  async expect({ manifest, becomes }: Attempt): Promise<void> {
    const { kind, metadata } = this.#named(manifest);
    const { name } = metadata;
    const rejection = this.#rejections.get(`${kind}/${name}`);
    const outcome = this.#named(becomes);
    const text = JSON.stringify(outcome);
    if (outcome.outcome === 'rejected') {
      expect({ kind, name, rejection }).toEqual({ kind, name, rejection: expect.stringContaining(outcome.says) });
      await this.#expectNoTwin(kind, name);
      return;
    }
    // What the API server's words are is in the failure.
    expect({ kind, name, rejection }).toEqual({ kind, name, rejection: undefined });
    if (outcome.outcome === 'refused') {
      await eventually(`${kind} ${name} is ${text}`, async () => {
        const messages = await this.#messages(kind, name);
        if (messages.some((message) => message.includes(outcome.says))) return true;
        throw new Error(`its events are ${JSON.stringify(messages)}`);
      });
      await this.#expectNoTwin(kind, name);
      return;
    }
    await eventually(`${kind} ${name} is ${text}`, async () => {
      const twin = await this.#tenant.onHost(typeOf(kind), name).catch(async (error: unknown) => {
        const messages = await this.#messages(kind, name);
        throw new Error(`it is not there; its events are ${JSON.stringify(messages)}`, { cause: error });
      });
      const problem = differenceOf(twin, outcome);
      if (problem !== undefined) throw new Error(`${problem} in ${JSON.stringify(twin)}`);
      return true;
    });
  }

  async #messages(kind: string, name: string): Promise<string[]> {
    const { virtual } = this.#tenant.cluster;
    const { items } = await virtual.list<Event>(resources.events, { namespace: this.#tenant.namespace });
    const about = items.filter(({ involvedObject: of }) => of?.kind === kind && of.name === name);
    return about.map(({ message }) => message ?? '');
  }

  async #expectNoTwin(kind: string, name: string): Promise<void> {
    const found = await this.#tenant.onHost(typeOf(kind), name).catch((error: unknown) => {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    });
    expect({ kind, name, onHost: found }).toEqual({ kind, name, onHost: undefined });
  }

  #named<T extends AttackManifest | Outcome>(value: T): T {
    return named(value, {
      cluster: this.#tenant.cluster.name,
      host: 'web.team-a.example.com',
      class: ALLOWED.classes[0],
    });
  }
}

function typeOf(kind: string): ResourceType {
  const type = TYPES[kind];
  if (!type) throw new Error(`no test knows kind ${kind}`);
  return type;
}

/** What of a host object is not as an outcome has it. */
function differenceOf(twin: object, outcome: Outcome & { outcome: 'onHost' }): string | undefined {
  if (outcome.with && !contains(twin, outcome.with)) return `${JSON.stringify(outcome.with)} is not`;
  return forbiddenIn(twin, outcome);
}

/** Whether a value has all that another one has; of a list, each element is somewhere in the list. */
function contains(value: unknown, expected: unknown): boolean {
  if (Array.isArray(expected)) {
    return Array.isArray(value) && expected.every((one) => value.some((element) => contains(element, one)));
  }
  if (typeof expected !== 'object' || expected === null) return value === expected;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(expected).every(([key, one]) => contains((value as Record<string, unknown>)[key], one));
}
