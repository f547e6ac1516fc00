import type { Node, Pod } from 'kubernetes-types/core/v1';

/**
 * What the gate decides by. Every answer must come from host-side caches alone (design, section 1): never from the
 * virtual cluster's status fields, node addresses, EndpointSlices or names, since a tenant can write those.
 *
 * Addresses are given in the form of `canonicalAddress`, in which the Kubernetes API reports them as well.
 */
export interface EgressFacts {
  /** Name of the virtual node that this address was issued for; undefined for all other addresses. */
  nodeByAddress(address: string): string | undefined;
  /**
   * Whether a running host pod of this virtual cluster has the address. Pods on the host's network must not count (the
   * address is the node's), nor pods that have ended (theirs may be another pod's by now).
   */
  isTenantPodIP(address: string): boolean;
  /**
   * Whether a host Service of this virtual cluster has the address as ClusterIP. Services without a selector must count
   * only while all their endpoints are the tenant's own pods: the tenant writes their endpoints.
   */
  isTenantServiceIP(address: string): boolean;
  /**
   * Resolves once the caches behind the answers are complete. Until then the gate lets callers wait, a few seconds at
   * most, so that a restart of the syncer is a delay and not an error. @default complete at once
   */
  whenSynced?(signal: AbortSignal): Promise<void>;
}

/** The host's twin of a virtual pod. */
export interface PodTwin {
  /** The host's namespace and name of it. */
  readonly namespace: string;
  readonly name: string;
  /** UID of the host pod. */
  readonly uid: string;
  /** The node that it runs on. */
  readonly nodeName: string;
  /** A container of the twin that the virtual pod does not have: no call reaches it. */
  readonly hiddenContainer?: string;
  /** UID of the virtual pod that the twin was made for; where given, a caller's other UID is refused. */
  readonly virtualUID?: string;
}

/** Finds host pods of tenants, for the kubelet façade. */
export interface PodDirectory {
  /**
   * The host pod that is the twin of this virtual pod, from host-side facts alone; undefined when there is none, when it
   * is not bound to a node, or when it is not provably ours.
   */
  resolve(virtualNamespace: string, name: string): PodTwin | undefined;
}

/** A pod of the tenant that has a twin on a node. */
export interface PlacedPod {
  /** As the virtual cluster has it. */
  readonly pod: Pod;
  /** The host's name of its twin, in the host namespace. */
  readonly hostName: string;
}

/** The tenant's pods and nodes, for what a kubelet and the metrics API say of them. */
export interface TenantObjects {
  /** Whether the answers are complete. */
  readonly known: boolean;
  /** The pods whose twins, by the host's own facts, are on a node; on all nodes where none is given. */
  placedPods(nodeName?: string): readonly PlacedPod[];
  /** A pod that has a twin on a node. */
  placedPod(namespace: string, name: string): PlacedPod | undefined;
  /** The nodes whose kubelet the gateway is: not those that the tenant made itself. */
  ownNodes(): readonly Node[];
}
