import type { Container, EnvVar, Pod, PodDNSConfig, PodSpec } from 'kubernetes-types/core/v1';
import type { Translation, TranslationContext } from './context';
import { clusterDNSConfig, usesClusterDNS } from './dns';
import { downwardAnnotations } from './downward-api';
import { Copier, type JsonObject } from './fields';
import { podHostname, setHostname } from './hostname';
import { addHostsFile, fqdnProblem, hostsContainerName } from './hosts-file';
import { pullAlways } from './image-pulls';
import { ANNOTATIONS, LABELS } from './keys';
import { namespaceLabels } from './labels';
import { hostMetadata } from './metadata';
import { hostnameAsName, TOO_MANY_HOSTNAMES, type NodeChoice } from './node-labels';
import { pinnedTo } from './node-pin';
import { missingClaim } from './pod-claims';
import { PodEnvironment } from './pod-environment';
import { POD_SPEC } from './pod-fields';
import type { HostRight } from './host-right';
import { isAllowedPriorityClass } from './priority-class';
import { serviceVariables } from './service-links';

/** What the syncer does with pods on the host. */
export const POD_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { apiGroup: '', resources: ['pods/ephemeralcontainers', 'pods/resize', 'pods/status'], verbs: ['patch'] },
  { apiGroup: '', resources: ['pods/log'], verbs: ['get'] },
  { apiGroup: '', resources: ['pods/attach', 'pods/exec', 'pods/portforward'], verbs: ['get', 'create'] },
];

/** Cluster Autoscaler evicts only pods with a controller, and the host pods' owner is none: these annotations tell what it needs. */
const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
const DAEMON_SET_POD = 'cluster-autoscaler.kubernetes.io/daemonset-pod';

/**
 * The host pod of a virtual pod, for creating it. Parts that mean the same on both sides are shared with the virtual
 * object: change neither.
 *
 * @returns a refusal with reason `DNSNotReady` while the pod needs a DNS that has no address yet, `ResourceClaimNotReady` while
 * a claim of it is not made (try both again), or `Unsupported` when fields cannot be had in a virtual cluster, or `HostTooOld` when only the host's version is in the way;
 * the message names each field and the remedy
 */
export function translatePod(pod: Pod, context: TranslationContext): Translation<Pod> {
  const environment = new PodEnvironment(pod, context);
  const { spec } = pod;
  if (usesClusterDNS(spec) && context.dnsIP === undefined && context.dnsEnabled !== false) {
    return {
      ok: false,
      reason: 'DNSNotReady',
      message:
        'spec.dnsPolicy asks for the DNS of the cluster, which has no address yet; the pod starts as soon as Service kube-system/kube-dns has one',
    };
  }
  const wanted = context.scheduledInside ? withoutWishes(spec) : spec;
  const copied = new Copier(environment).copy(POD_SPEC, wanted ?? {}, ['spec']) as PodSpec;
  const fqdn = fqdnProblem(pod, context.clusterDomain);
  if (fqdn !== undefined) environment.refuse('spec.setHostnameAsFQDN', fqdn);
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const nodeChoice = context.realNodeLabels ? copied : hostnameAsName(copied);
  if (nodeChoice === undefined) {
    return { ok: false, reason: 'Unsupported', message: `spec.affinity.nodeAffinity ${TOO_MANY_HOSTNAMES}` };
  }
  const missing = missingClaim(pod);
  if (missing !== undefined) {
    return {
      ok: false,
      reason: 'ResourceClaimNotReady',
      message: `spec.resourceClaims: "${missing}" has no claim yet; the pod starts as soon as its ResourceClaimTemplate has given one`,
    };
  }
  return {
    ok: true,
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: podMetadata(pod, context),
      spec: hostSpec(copied, nodeChoice, pod, context),
    },
    references: environment.references,
  };
}

/** Whether the pod may not be scheduled yet (`schedulingGates`): no host pod is made for it. */
export function isGated(pod: Pod): boolean {
  return (pod.spec?.schedulingGates?.length ?? 0) > 0;
}

/** Metadata of the host pod: identity, labels with those of the namespace, and what its downward API shows. */
export function podMetadata(pod: Pod, context: TranslationContext): ReturnType<typeof hostMetadata> {
  const metadata = hostMetadata('Pod', pod.metadata, context);
  Object.assign(metadata.labels, namespaceLabels(context.namespaceLabels));
  if (context.selectedFor?.ingress === true) metadata.labels[LABELS.ingressPolicy] = 'tenant';
  if (context.selectedFor?.egress === true) metadata.labels[LABELS.egressPolicy] = 'tenant';
  Object.assign(metadata.annotations, downwardAnnotations(pod));
  const hostsContainer = hostsContainerName(pod, context);
  if (hostsContainer !== undefined) metadata.annotations[ANNOTATIONS.hostsContainer] = hostsContainer;
  if (context.scheduledInside && pod.spec?.nodeName) metadata.annotations[ANNOTATIONS.pinnedTo] = pod.spec.nodeName;
  const controller = pod.metadata?.ownerReferences?.find((owner) => owner.controller === true);
  if (controller !== undefined) metadata.annotations[SAFE_TO_EVICT] = 'true';
  if (controller?.kind === 'DaemonSet' && controller.apiVersion === 'apps/v1') {
    metadata.annotations[DAEMON_SET_POD] = 'true';
  }
  return metadata;
}

/** The fields of the spec that concern the pod as a whole, on the copy of all others. */
function hostSpec(copied: PodSpec, nodeChoice: NodeChoice, pod: Pod, context: TranslationContext): PodSpec {
  const namespace = pod.metadata?.namespace ?? '';
  const variables = serviceVariables(context, pod.spec?.enableServiceLinks !== false);
  const spec = copied as PodSpec & JsonObject;
  spec.serviceAccountName = context.workloadServiceAccount;
  spec.automountServiceAccountToken = false;
  spec.enableServiceLinks = false;
  for (const container of spec.containers ?? []) addVariables(container, variables);
  for (const container of spec.initContainers ?? []) addVariables(container, variables);

  if (context.alwaysPullImages === true) pullAlways(spec);

  const hostname = podHostname(pod.spec, pod.metadata?.name ?? '');
  if (hostname !== undefined) setHostname(spec, hostname);
  if (usesClusterDNS(pod.spec)) Object.assign(spec, hostDNS(copied.dnsConfig, namespace, context));
  setNodes(spec, nodeChoice, context);
  addHostsFile(spec, pod, context);
  delete spec.priorityClassName;
  if (isAllowedPriorityClass(context.priorityClassName)) spec.priorityClassName = context.priorityClassName;
  return spec;
}

/**
 * A pod's spec without what its scheduler heeded when it chose the node: labels of virtual nodes, and where other pods were then. On the host
 * those may be others, and would contradict the choice.
 */
function withoutWishes(spec: PodSpec | undefined): PodSpec | undefined {
  if (!spec?.nodeName) return spec;
  const others = { ...spec };
  for (const field of ['nodeSelector', 'affinity', 'topologySpreadConstraints'] as const) delete others[field];
  return others;
}

/** On which nodes the host may run the pod: those that the tenant chose, of those that the platform allows. */
function setNodes(spec: PodSpec, { nodeSelector, affinity }: NodeChoice, context: TranslationContext): void {
  const pinned = spec.nodeName ? pinnedTo(spec.nodeName, affinity) : affinity;
  const selected = { ...nodeSelector, ...context.enforcedNodeSelector };
  for (const field of ['nodeName', 'nodeSelector', 'affinity'] as const) delete spec[field];
  if (pinned) spec.affinity = pinned;
  if (Object.keys(selected).length > 0) spec.nodeSelector = selected;
}

/** DNS of a pod that asks for the cluster's: without one, the node's, as a kubelet does it. Never the host cluster's. */
function hostDNS(user: PodDNSConfig | undefined, namespace: string, context: TranslationContext): Partial<PodSpec> {
  const { clusterDomain, dnsIP } = context;
  if (dnsIP === undefined) return { dnsPolicy: 'Default' };
  return { dnsPolicy: 'None', dnsConfig: clusterDNSConfig(user, { namespace, clusterDomain, dnsIP }) };
}

/**
 * Puts variables in front of a container's own, which so can use them (`$(NAME)`) and win. Unlike a kubelet's they also
 * win over `envFrom`: whether a ConfigMap there holds one of them is not known here.
 */
export function addVariables(container: Pick<Container, 'env'>, variables: readonly EnvVar[]): void {
  const own = container.env ?? [];
  const names = new Set(own.map(({ name }) => name));
  container.env = [...variables.filter(({ name }) => !names.has(name)), ...own];
}
