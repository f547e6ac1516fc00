import type { ConfigMap } from 'kubernetes-types/core/v1';
import { controlPlaneNames, MANIFESTS_KEY } from '../configuration';
import { backoffDelay, Controller, type EventRecorder, type Logger, ObjectStream, Reflector } from '../engine';
import {
  ApiError,
  type AnyObject,
  apiVersionOf,
  type KubeClient,
  type KubeObject,
  resources,
  type ResourceType,
} from '../kube-client';
import { ANNOTATIONS, type ClusterIdentity } from '../translation';
import { applyManifest } from './apply-manifests';
import { identityOf, type MadeObject, ManifestInventory } from './manifest-inventory';
import { ServedTypes } from './served-types';

const FIELD_MANAGER = 'nestling-manifests';
/** On every object that is made; one without it is the tenant's. */
const OURS = 'true';
/** Between two attempts at what could not be applied: definitions take a moment, a refusal lasts. */
const RETRY = { baseMs: 500, maxMs: 300_000 };
/** Failures until a tenant is told of what may pass by itself, such as a webhook whose pod starts. */
const PATIENCE = 5;
const QUEUE_KEY = 'manifests';

/** Who waits for it comes later; webhooks come last, as each refuses what comes after it until its own pod runs. */
const WAVES: ReadonlyMap<string, number> = new Map([
  ['Namespace', 0],
  ['CustomResourceDefinition', 0],
  ['PriorityClass', 0],
  // Addresses are given out while the rest is applied.
  ['Service', 1],
  ['Pod', 2],
  ['Deployment', 2],
  ['DaemonSet', 2],
  ['StatefulSet', 2],
  ['ReplicaSet', 2],
  ['Job', 2],
  ['CronJob', 2],
  ['MutatingWebhookConfiguration', 3],
  ['ValidatingWebhookConfiguration', 3],
]);
const OTHER_KINDS = 1;

/** What tenants put in these would go with them. */
const STAY: ReadonlySet<string> = new Set(['Namespace', 'CustomResourceDefinition']);

/** What is needed to apply the initial manifests. */
export interface InitialManifestsOptions {
  readonly identity: ClusterIdentity;
  readonly host: KubeClient;
  readonly virtual: KubeClient;
  /** Of the virtual cluster. */
  readonly events: Pick<EventRecorder, 'record'>;
  readonly logger: Logger;
}

/** A problem of one object, in words for the tenant. */
class ManifestProblem extends Error {}

/**
 * Applies what host ConfigMap NAME-manifests holds in the virtual cluster: at the start, and whenever it changes. Each object by
 * itself; one that cannot be applied is tried again with a back-off, told as an event, and listed in ConfigMap
 * `kube-system/nestling-manifests`. An object that the tenant made is left alone, and so are fields that the tenant changed. What the set has no more is
 * deleted if it was made here, but for namespaces and definitions. Without the ConfigMap nothing is done.
 */
export class InitialManifests {
  readonly #options: InitialManifestsOptions;
  readonly #controller: Controller;
  #text: string | undefined;
  #wanted: readonly KubeObject[] | undefined;
  /** Of the wanted ones, those that are not applied yet. */
  #pending = new Set<KubeObject>();
  #failures = 0;
  /** What was told of each object last, to tell it once. */
  readonly #told = new Map<string, string>();

  constructor(options: InitialManifestsOptions) {
    this.#options = options;
    this.#controller = new Controller({
      name: 'initial manifests',
      concurrency: 1,
      reconcile: (_key, signal) => this.#reconcile(signal),
      logger: options.logger,
    });
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { host, identity, logger } = this.#options;
    const reflector = new Reflector<ConfigMap>({
      client: host,
      type: resources.configMaps,
      cache: new ObjectStream<ConfigMap>('host/manifests', (map) => this.#take(map)),
      namespace: identity.hostNamespace,
      fieldSelector: `metadata.name=${controlPlaneNames(identity.name).manifests}`,
      logger,
    });
    await Promise.all([reflector.run(signal), this.#controller.run(signal)]);
  }

  #take({ data }: ConfigMap): void {
    const text = data?.[MANIFESTS_KEY] ?? '';
    // After a new list it comes again, unchanged.
    if (text === this.#text) return;
    this.#text = text;
    const wanted = readManifests(text);
    if (wanted === undefined) {
      this.#options.logger.error(`the initial manifests are no JSON list of objects: key ${MANIFESTS_KEY} is ignored`);
      return;
    }
    this.#wanted = wanted;
    this.#pending = new Set(wanted);
    this.#failures = 0;
    this.#told.clear();
    this.#controller.enqueue(QUEUE_KEY);
  }

  async #reconcile(signal: AbortSignal): Promise<{ requeueAfterMs: number } | void> {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const { virtual, logger } = this.#options;
    const pending = this.#pending;
    const inventory = await ManifestInventory.read(virtual, signal);
    const problems = new Map<string, unknown>();
    await this.#apply(pending, inventory, problems, signal);
    await this.#remove(wanted, inventory, problems, signal);
    const lines = [...problems].map(([object, error]) => `${object}: ${textOf(error)}`);
    inventory.report(lines);
    await inventory.store(signal);
    // What came meanwhile waits in the queue already.
    if (this.#wanted !== wanted) return;
    if (problems.size === 0) {
      this.#failures = 0;
      if (wanted.length > 0) logger.info({ objects: wanted.length }, 'the initial manifests are applied');
      return;
    }
    this.#failures++;
    this.#tell(inventory, problems);
    return { requeueAfterMs: backoffDelay(RETRY, this.#failures, Math.random) };
  }

  async #apply(
    pending: Set<KubeObject>,
    inventory: ManifestInventory,
    problems: Map<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const wave of [...new Set(WAVES.values())].sort()) {
      const manifests = [...pending].filter(({ kind = '' }) => (WAVES.get(kind) ?? OTHER_KINDS) === wave);
      if (manifests.length === 0) continue;
      // Asked anew: the wave before may have brought definitions.
      const types = new ServedTypes(this.#options.virtual);
      const found: { manifest: KubeObject; type: ResourceType; place: Omit<MadeObject, 'uid'> }[] = [];
      for (const manifest of manifests) {
        await attempt(problems, nameOf(manifest), async () => {
          const type = await types.of(manifest, signal);
          if (type === undefined) {
            throw new ManifestProblem(
              `the virtual cluster does not serve kind ${manifest.kind} of ${manifest.apiVersion} (yet)`,
            );
          }
          const place = placeOf(manifest, type);
          inventory.plan(place);
          found.push({ manifest, type, place });
        });
      }
      await inventory.store(signal);
      for (const { manifest, type, place } of found) {
        await attempt(problems, nameOf(manifest), async () => {
          inventory.made(place, await this.#applyOne(manifest, type, place, signal));
          pending.delete(manifest);
        });
      }
    }
  }

  /** @returns the object's UID */
  async #applyOne(
    manifest: KubeObject,
    type: ResourceType,
    { name, namespace }: Omit<MadeObject, 'uid'>,
    signal: AbortSignal,
  ): Promise<string> {
    const { virtual, logger } = this.#options;
    const before = await this.#existing(type, { name, namespace, signal });
    if (before !== undefined && !isOurs(before)) {
      throw new ManifestProblem(
        `exists already and was not made by the platform, so it is left alone: delete it, or annotate it with ${ANNOTATIONS.initialManifest}=${OURS} to hand it over`,
      );
    }
    if (before?.metadata?.deletionTimestamp) throw new ManifestProblem('is being deleted: it comes again after that');
    const metadata = { ...manifest.metadata };
    // cdk8s gives one to kinds that have none, too.
    delete metadata.namespace;
    const body = {
      ...manifest,
      metadata: {
        ...metadata,
        ...(namespace !== undefined && { namespace }),
        // Another object that took its place is a Conflict.
        ...(before?.metadata?.uid !== undefined && { uid: before.metadata.uid }),
        annotations: { ...metadata.annotations, [ANNOTATIONS.initialManifest]: OURS },
      },
    };
    const { object, kept } = await applyManifest(virtual, type, body, { fieldManager: FIELD_MANAGER, signal });
    if (kept.length > 0) {
      logger.info({ manifest: nameOf(manifest), fields: kept }, 'fields that a tenant changed stay as they are');
    }
    return object.metadata?.uid ?? '';
  }

  async #remove(
    wanted: readonly KubeObject[],
    inventory: ManifestInventory,
    problems: Map<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const kept = new Set(wanted.flatMap(possibleIdentities));
    const rest = inventory.objects.filter((object) => !kept.has(identityOf(object)));
    const types = new ServedTypes(this.#options.virtual);
    const wave = ({ kind }: MadeObject): number => WAVES.get(kind) ?? OTHER_KINDS;
    for (const object of rest.sort((one, other) => wave(other) - wave(one))) {
      await attempt(problems, nameOf({ ...object, metadata: object }), async () => {
        await this.#removeOne(object, await types.of(object, signal), signal);
        inventory.forget(object);
      });
    }
  }

  async #removeOne(made: MadeObject, type: ResourceType | undefined, signal: AbortSignal): Promise<void> {
    const { virtual, logger } = this.#options;
    const { name, namespace, uid } = made;
    const manifest = nameOf({ ...made, metadata: made });
    if (STAY.has(made.kind)) {
      logger.info(
        { manifest },
        'it is in the initial manifests no more; it stays, as what a tenant put in it would go',
      );
      return;
    }
    // With a definition all of its objects went.
    if (type === undefined) return;
    const there = await this.#existing(type, { name, namespace, signal });
    if (there === undefined || !isOurs(there) || (uid !== undefined && there.metadata?.uid !== uid)) return;
    try {
      const exactly = { uid: there.metadata?.uid, propagationPolicy: 'Background' } as const;
      await virtual.delete(type, { name, namespace, ...exactly, signal });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    logger.info({ manifest }, 'deleted, as it is in the initial manifests no more');
  }

  async #existing(
    type: ResourceType,
    options: { readonly name: string; readonly namespace: string | undefined; readonly signal: AbortSignal },
  ): Promise<AnyObject | undefined> {
    try {
      return await this.#options.virtual.get(type, { ...options, metadataOnly: true });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #tell(inventory: ManifestInventory, problems: ReadonlyMap<string, unknown>): void {
    const { events, logger } = this.#options;
    for (const [manifest, error] of problems) {
      if (mayPass(error) && this.#failures < PATIENCE) continue;
      const text = textOf(error);
      if (this.#told.get(manifest) === text) continue;
      this.#told.set(manifest, text);
      logger.warn({ manifest, err: error }, 'an initial manifest cannot be applied; trying again');
      if (inventory.object === undefined) continue;
      events.record({
        object: inventory.object,
        type: resources.configMaps,
        severity: 'Warning',
        reason: 'InitialManifestNotApplied',
        action: 'Apply',
        message: `${manifest}: ${text}`,
      });
    }
  }
}

/** Does something for one object: what the API server refuses does not stop the others, a lost connection does. */
async function attempt(problems: Map<string, unknown>, manifest: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError) && !(error instanceof ManifestProblem)) throw error;
    problems.set(manifest, error);
  }
}

const isOurs = ({ metadata }: KubeObject): boolean => metadata?.annotations?.[ANNOTATIONS.initialManifest] === OURS;

/** Whether time may solve it: the API server or a webhook is not ready, or a namespace or kind is not there yet. */
const mayPass = (error: unknown): boolean =>
  error instanceof ApiError ? error.status >= 500 || [404, 409, 429].includes(error.status) : true;

function textOf(error: unknown): string {
  const text = error instanceof ApiError ? error.serverMessage : (error as Error).message;
  return text.replaceAll(/\s+/g, ' ').slice(0, 800);
}

function nameOf({ kind = '', metadata }: KubeObject): string {
  return `${kind} ${[metadata?.namespace, metadata?.name].filter(Boolean).join('/')}`;
}

function placeOf({ metadata }: KubeObject, type: ResourceType): Omit<MadeObject, 'uid'> {
  const namespace = metadata?.namespace ?? 'default';
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    ...(type.namespaced && { namespace }),
    name: metadata?.name ?? '',
  };
}

/** What a manifest may be in the inventory, as long as nobody says whether its kind has namespaces. */
function possibleIdentities({ apiVersion = '', kind = '', metadata }: KubeObject): string[] {
  const object = { apiVersion, kind, name: metadata?.name ?? '' };
  return [identityOf(object), identityOf({ ...object, namespace: metadata?.namespace ?? 'default' })];
}

function readManifests(text: string): KubeObject[] | undefined {
  try {
    const content: unknown = JSON.parse(text);
    return Array.isArray(content) && content.every((one) => typeof one === 'object' && one !== null)
      ? (content as KubeObject[])
      : undefined;
  } catch {
    return undefined;
  }
}
