import type { Size } from 'cdk8s';

/** Settings of a store on a volume. */
export interface PersistentStoreProps {
  /**
   * Size of the volume. Cannot be changed after creation.
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
   * StorageClass of the volume. Cannot be changed after creation.
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

/** Where a PostgreSQL database is. */
export interface PostgresStoreProps {
  /**
   * Secret in the host namespace with the database's address, which the control plane's pod alone reads: tenants' pods cannot name it. Not
   * made here.
   */
  readonly secretName: string;
  /**
   * Key of the Secret whose value is the address: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`. The user must be able
   * to make tables in the database, which each virtual cluster needs for itself.
   *
   * @default 'endpoint'
   */
  readonly secretKey?: string;
}

/** Where a database of MySQL or MariaDB is. */
export interface MysqlStoreProps {
  /**
   * Secret in the host namespace with the database's address, which the control plane's pod alone reads: tenants' pods cannot name it. Not
   * made here.
   */
  readonly secretName: string;
  /**
   * Key of the Secret whose value is the address: `mysql://USER:PASSWORD@tcp(HOST:PORT)/DATABASE?tls=true`. The user must be able to make
   * tables in the database, which each virtual cluster needs for itself; and the database itself, where it is not there.
   *
   * @default 'endpoint'
   */
  readonly secretKey?: string;
}

/** Where an etcd outside of the control plane is. */
export interface EtcdStoreProps {
  /** Addresses of its members, such as `https://etcd-0.example.com:2379`. */
  readonly endpoints: readonly string[];
  /**
   * Secret in the host namespace with `ca.crt` for the members' certificates, and `tls.crt` and `tls.key` of a client that etcd lets in;
   * tenants' pods cannot name it. Not made here.
   */
  readonly secretName: string;
  /**
   * What all keys begin with: virtual clusters that share an etcd need different ones. Begins with a slash. Cannot be changed after
   * creation.
   *
   * @default - /nestling/NAMESPACE/NAME
   */
  readonly prefix?: string;
}

/** What a virtual cluster keeps its objects in. Cannot be changed after creation. */
export class Store {
  /** A volume: the cluster's objects survive the loss of its pod and of the node. */
  static persistent(props: PersistentStoreProps = {}): Store {
    return new Store({ type: 'persistent', ...props });
  }

  /**
   * The disk of the node: quick, needs no StorageClass, and is lost with the control plane's pod. The store does not wait for
   * the disk to confirm a write, so after a crash of the node delete the pod to begin anew. For tests, CI and previews.
   */
  static ephemeral(props: EphemeralStoreProps = {}): Store {
    return new Store({ type: 'ephemeral', ...props });
  }

  /**
   * A database of a PostgreSQL server, through kine (github.com/k3s-io/kine), which takes etcd's place in the control plane's pod. The
   * database is looked after by who runs it.
   */
  static postgres(props: PostgresStoreProps): Store {
    return new Store({ type: 'postgres', ...props });
  }

  /** A database of a MySQL or MariaDB server, through kine as with {@link postgres}. */
  static mysql(props: MysqlStoreProps): Store {
    return new Store({ type: 'mysql', ...props });
  }

  /** An etcd that somebody else runs and looks after: quota, defragmentation and backups are not ours. */
  static etcd(props: EtcdStoreProps): Store {
    return new Store({ type: 'etcd', ...props });
  }

  private constructor(
    /** @internal */
    readonly props: StoreProps,
  ) {}
}

/** @internal */
export type StoreProps =
  | ({ readonly type: 'persistent' } & PersistentStoreProps)
  | ({ readonly type: 'ephemeral' } & EphemeralStoreProps)
  | ({ readonly type: 'postgres' } & PostgresStoreProps)
  | ({ readonly type: 'mysql' } & MysqlStoreProps)
  | ({ readonly type: 'etcd' } & EtcdStoreProps);
