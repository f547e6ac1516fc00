import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeClient, KubeObject } from '../../syncer/kube-client';
import { found } from './two-clusters';

/**
 * Plays the host's provisioner, binder and protection of claims where none runs: gives each claim a volume, lets it grow, and
 * lets it go when it is deleted. What the syncer sees is what Kubernetes writes.
 */
export class HostStorage {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  /** Names of host claims that get no volume, as if no pod used them yet or nothing could provide them. */
  readonly ignored = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  start(): void {
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const namespace = this.#namespace;
    const type = resources.persistentVolumeClaims;
    try {
      // Again when the server ends the watch, as it does with those who are slow.
      while (!signal.aborted) {
        const list = await this.#client.list<PersistentVolumeClaim>(type, { namespace, signal });
        for (const claim of list.items) await this.handle(claim);
        const resourceVersion = list.metadata.resourceVersion ?? '';
        const watch = this.#client.watch<PersistentVolumeClaim>(type, { namespace, resourceVersion, signal });
        for await (const { type: change, object } of watch) {
          if (change !== 'ADDED' && change !== 'MODIFIED') continue;
          // What was written here has changed it since.
          const claim = await found(this.#client.get<PersistentVolumeClaim>(type, named(object)));
          if (claim) await this.handle(claim);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Does what the host would for a claim as it is now. */
  async handle(claim: PersistentVolumeClaim): Promise<void> {
    const { name = '', namespace = '', uid, deletionTimestamp, finalizers } = claim.metadata ?? {};
    if (this.ignored.has(name)) return;
    const type = resources.persistentVolumeClaims;
    const at = { name, namespace, type: 'merge' } as const;
    const metadata = { uid };
    const storage = claim.spec?.resources?.requests?.['storage'] ?? '1Gi';
    try {
      if (deletionTimestamp !== undefined) {
        if (finalizers?.length) await this.#client.patch(type, at, { metadata: { uid, finalizers: null } });
      } else if (claim.status?.phase === 'Pending') {
        const volume = await this.#provide(claim, storage);
        const className = claim.spec?.storageClassName ?? 'host-default';
        await this.#client.patch(type, at, { metadata, spec: { volumeName: volume, storageClassName: className } });
        const status = { phase: 'Bound', accessModes: claim.spec?.accessModes, capacity: { storage } };
        await this.#client.patch(type, { ...at, subresource: 'status' }, { metadata, status });
      } else if (claim.status?.phase === 'Bound' && claim.status.capacity?.['storage'] !== storage) {
        const status = { capacity: { storage } };
        await this.#client.patch(type, { ...at, subresource: 'status' }, { metadata, status });
      }
    } catch (error) {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** Makes a volume for a claim; gives its name. */
  async #provide(claim: PersistentVolumeClaim, storage: string): Promise<string> {
    const { name = '', namespace = '', uid = '' } = claim.metadata ?? {};
    const volume = `pvc-${uid}`;
    const created = this.#client.create<PersistentVolume>(resources.persistentVolumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volume, annotations: { 'pv.kubernetes.io/provisioned-by': 'disk.example.org' } },
      spec: {
        accessModes: claim.spec?.accessModes ?? [],
        capacity: { storage },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
        csi: { driver: 'disk.example.org', volumeHandle: `handle-of-${name}` },
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: claim.spec?.storageClassName ?? 'host-default',
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }] },
            ],
          },
        },
      },
    });
    await created.catch((error: unknown) => {
      // A test that lets a claim go on and the watch that tells of it may both get here.
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    });
    return volume;
  }
}

const named = ({ metadata }: KubeObject) => ({ name: metadata?.name ?? '', namespace: metadata?.namespace ?? '' });
