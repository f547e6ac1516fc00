import type { Size } from 'cdk8s';

/** Settings of a store on a volume. What the host has created of it cannot be changed later. */
export interface PersistentStoreProps {
  /**
   * Size of the volume.
   *
   * @default - 5 GiB
   */
  readonly size?: Size;
  /**
   * Most that the database may have: at least 64 MiB, at most 45 % of the size, as defragmenting writes a second copy beside the first one
   * and the log takes the rest, and 8 GiB. A store that is full takes no writes but deletes.
   *
   * @default - 40 % of the size, at most 8 GiB
   */
  readonly quota?: Size;
  /**
   * StorageClass of the volume.
   *
   * @default - the host's default StorageClass
   */
  readonly storageClassName?: string;
  /**
   * Whether the volume outlives the virtual cluster.
   *
   * @default false
   */
  readonly retain?: boolean;
}

/** Settings of a store without a volume. */
export interface EphemeralStoreProps {
  /**
   * Most disk space of the node that the store may take.
   *
   * @default - 2 GiB
   */
  readonly size?: Size;
  /**
   * Most that the database may have, as for a store on a volume.
   *
   * @default - 40 % of the size, at most 8 GiB
   */
  readonly quota?: Size;
}

/** What a virtual cluster keeps its objects in. Cannot be changed after creation. */
export class Store {
  /** A volume: the cluster's objects survive the loss of its pod and of the node. */
  static persistent(props: PersistentStoreProps = {}): Store {
    return new Store('persistent', props);
  }

  /**
   * The disk of the node: quick, needs no StorageClass, and is lost with the control plane's pod. The store does not wait for
   * the disk to confirm a write, so after a crash of the node delete the pod to begin anew. For tests, CI and previews.
   */
  static ephemeral(props: EphemeralStoreProps = {}): Store {
    return new Store('ephemeral', props);
  }

  private constructor(
    /** Whether the store outlives the control plane's pod. */
    readonly type: 'persistent' | 'ephemeral',
    /** @internal */
    readonly props: PersistentStoreProps,
  ) {}
}
