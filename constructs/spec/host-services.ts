import type { SyncerConfigurationInput } from '../../syncer/configuration';

/** A Service of the virtual cluster. */
export interface VirtualServiceReference {
  /** Namespace of the virtual cluster. */
  readonly namespace: string;
  /** Its name there. */
  readonly name: string;
}

/** A Service of the host cluster. */
export interface HostServiceReference {
  /**
   * Namespace of the host. Another one than that of the virtual cluster gets a Role and a RoleBinding, by which the syncer may read
   * this one Service there.
   *
   * @default - the host namespace of the virtual cluster
   */
  readonly namespace?: string;
  /** Its name there. */
  readonly name: string;
}

/** A Service of the host that tenants see. */
export interface ShownServiceProps {
  /** The Service of the host. It need not be there yet. */
  readonly host: HostServiceReference;
  /** What it is called in the virtual cluster, once the tenant makes that namespace. */
  readonly virtual: VirtualServiceReference;
  /**
   * Whether the Service may be headless (`clusterIP: None`), so that its endpoints are shown: without, a headless one is not. The
   * syncer may then read all EndpointSlices of that namespace, as RBAC cannot name those of one Service.
   *
   * @default false
   */
  readonly headless?: boolean;
}

/** A Service of the tenant that has a name on the host. */
export interface PublishedServiceProps {
  /** The Service of the tenant. It needs a selector: tenants write where others lead. It need not be there yet. */
  readonly virtual: VirtualServiceReference;
  /** What it is called in the host namespace of the virtual cluster. */
  readonly host: {
    /** Its name: a DNS label without `-x-`, that no other Service of that namespace has. */
    readonly name: string;
  };
}

/**
 * Services that are known by name on the other side. All other names stay where they are: a tenant's pod finds no Service of the host
 * that is not named here.
 *
 * Names are no way through the network: whom tenants' pods may send to, such as the pods behind a shown Service, and who may send to them
 * says `isolation`.
 */
export interface HostServicesProps {
  /**
   * Services of the host that tenants' pods reach by a name, with the ClusterIP that they have on the host. One that is made anew is
   * followed, one that goes is gone. What a tenant changes in one is undone; a Service of that name that the tenant made itself stays,
   * and an event on it says so. Only pods reach them: the virtual API server does not, for a webhook or as a proxy.
   *
   * @default - none
   */
  readonly toVirtual?: readonly ShownServiceProps[];
  /**
   * Services of the tenant that have a name of your choice in the host namespace: a ClusterIP Service with the same ports and pods,
   * with an address of its own. A Service of that name that somebody else made is left alone, and the tenant told.
   *
   * @default - none
   */
  readonly toHost?: readonly PublishedServiceProps[];
}

/** The props as the syncer's document has them: they have its shape, so that every setting is named alike in both. */
export function hostServicesDocument(
  services: HostServicesProps | undefined,
): NonNullable<SyncerConfigurationInput['hostServices']> {
  return structuredClone(services ?? {}) as NonNullable<SyncerConfigurationInput['hostServices']>;
}
