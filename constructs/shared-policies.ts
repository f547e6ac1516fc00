import { ingressAdmissionPolicy, nodeReaderRole, nodesAdmissionPolicy, type KubernetesObject } from './control-plane';
import {
  sharedSyncProblems,
  type HostNodes,
  type IIngressSync,
  type INodeSyncPolicy,
  type IngressRules,
  type SharedNodeObjects,
} from './spec';

/** What several clusters share: for each of them a value of its props, on the host objects without namespace. */
export interface SharedPolicy<Value> {
  /** What a cluster is given. */
  readonly value: Value;
  /** What is on the host for all of them. */
  readonly objects: readonly KubernetesObject[];
  /** What is wrong with the settings, as lines with name, value and remedy. */
  readonly problems: readonly string[];
}

/**
 * Nodes of the host for several clusters: a ClusterRole that lets their syncers read them, and where they are enforced a
 * ValidatingAdmissionPolicy.
 *
 * @param name name of the objects on the host
 */
export function sharedNodePolicy(
  name: string,
  nodes: HostNodes,
): SharedPolicy<INodeSyncPolicy & { readonly shared: SharedNodeObjects }> {
  const { mode, selector, enforce } = nodes;
  return {
    value: {
      mode,
      selector,
      enforce,
      shared: { clusterRole: name, admissionPolicy: enforce ? name : undefined },
    },
    objects: [nodeReaderRole(name), ...(enforce ? [nodesAdmissionPolicy(name, selector)] : [])],
    problems: sharedSyncProblems(name, { fromHost: { nodes } }, 'sync.fromHost.nodes', 'nodes'),
  };
}

/**
 * What the Ingresses of several clusters may claim: a ValidatingAdmissionPolicy, unless they may claim everything.
 *
 * @param name name of the object on the host
 */
export function sharedIngressPolicy(
  name: string,
  props: IngressRules,
): SharedPolicy<IIngressSync & Required<IngressRules>> {
  const annotations = [...(props.annotations ?? [])];
  const allowedHosts = [...(props.allowedHosts ?? [])];
  const allowedClasses = [...(props.allowedClasses ?? [])];
  const limited = allowedHosts.length + allowedClasses.length > 0;
  const ingresses = { annotations, allowedHosts, allowedClasses };
  return {
    value: { ...ingresses, admissionPolicy: limited ? name : undefined },
    objects: limited ? [ingressAdmissionPolicy(name, { allowedHosts, allowedClasses })] : [],
    problems: sharedSyncProblems(name, { toHost: { ingresses } }, 'sync.toHost.ingresses.', ''),
  };
}
