import type { SyncerConfigurationInput } from '../../../syncer/configuration';
import { resolveConfiguration } from '../../../syncer/configuration/document';
import { createLogger, Metrics, objectKey } from '../../../syncer/engine';
import type { ObjectCache } from '../../../syncer/engine';
import { createCaches, HostVersion } from '../../../syncer/kinds';
import type { Caches, KindEnvironment } from '../../../syncer/kinds';
import type { KubeClient, KubeObject, ResourceType } from '../../../syncer/kube-client';

/** One of the two clusters as a kind writes to it: takes what is made and removed, and keeps nothing. */
export class PlayedCluster {
  /** `create secrets a`, `delete pods b`, in order. */
  readonly writes: string[] = [];
  #version = 1_000;

  create(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.#write(`create ${type.resource} ${object.metadata?.name}`, object);
  }

  delete(type: ResourceType, { name }: { readonly name: string }): Promise<KubeObject> {
    return this.#write(`delete ${type.resource} ${name}`, {});
  }

  #write(what: string, object: KubeObject): Promise<KubeObject> {
    this.writes.push(what);
    const resourceVersion = String(this.#version++);
    return Promise.resolve({
      ...object,
      metadata: { uid: `uid-${resourceVersion}`, ...object.metadata, resourceVersion },
    });
  }
}

/** What a kind needs to run, without API servers: the test fills the caches and sees the writes and the events. */
export interface PlayedClusters {
  readonly environment: KindEnvironment;
  readonly caches: Caches;
  readonly host: PlayedCluster;
  readonly virtual: PlayedCluster;
  /** `Reason name: message` of the events that the tenant got. */
  readonly events: string[];
  /** Makes the host another version, as after an upgrade. */
  upgrade(gitVersion: string): Promise<void>;
}

/** @param hostVersion such as `v1.36.0` */
export async function playClusters(
  sync: SyncerConfigurationInput['sync'] = {},
  hostVersion = 'v1.37.2',
): Promise<PlayedClusters> {
  const logger = createLogger({ level: 'error', name: 'test' });
  const [host, virtual] = [new PlayedCluster(), new PlayedCluster()];
  const events: string[] = [];
  let gitVersion = hostVersion;
  const version = new HostVersion({ getText: () => Promise.resolve(JSON.stringify({ gitVersion })) }, logger);
  await version.known();
  const shared = {
    identity: { name: 'vc', hostNamespace: 'team-a' },
    host: host as unknown as KubeClient,
    virtual: virtual as unknown as KubeClient,
    logger,
    metrics: new Metrics(),
  };
  const environment: KindEnvironment = {
    ...shared,
    anchor: { name: 'vc-anchor', uid: 'anchor-uid' },
    configuration: resolveConfiguration({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'vc' },
      sync,
    }),
    apiServerIP: '10.96.0.1',
    version: 'v1.37.2',
    hostVersion: version,
    events: {
      record: ({ object, reason, message }: { object: KubeObject; reason: string; message: string }) =>
        events.push(`${reason} ${object.metadata?.name}: ${message}`),
    } as unknown as KindEnvironment['events'],
  };
  return {
    environment,
    caches: createCaches(shared),
    host,
    virtual,
    events,
    upgrade: (to) => {
      gitVersion = to;
      return version.refresh();
    },
  };
}

/** Makes a cache complete, with these objects in it. */
export function listed<T extends KubeObject>(cache: ObjectCache<T>, ...objects: T[]): void {
  cache.replace(new Map(objects.map((object) => [objectKey(object), object])), '1');
}
