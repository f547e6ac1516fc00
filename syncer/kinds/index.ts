import type { ConfigMap, Pod, Secret } from 'kubernetes-types/core/v1';
import { resources } from '../kube-client';
import { configMapSteps, secretSteps } from '../policy';
import { podReferences, serviceAccountOf } from '../translation';
import type { Reference } from '../translation';
import type { Caches } from './caches';
import { CertificatesAPI } from './certificates-api';
import { Claims } from './claims';
import { classViews } from './class-views';
import { customResources } from './custom-resources';
import { endpointSlices, tellOfUnsyncedEndpoints } from './endpoint-slices';
import type { KindEnvironment } from './environment';
import { ContentInUse } from './in-use';
import { HostEvents } from './events';
import type { HostNodes } from './host-nodes';
import { ingresses } from './ingresses';
import { networkPolicies } from './network-policies';
import { Nodes } from './nodes';
import { podDisruptionBudgets } from './pod-disruption-budgets';
import { PodClasses } from './pod-classes';
import { PodCertificates } from './pod-certificates';
import { Pods } from './pods';
import { priorityClasses } from './priority-classes';
import { PublishedServices } from './published-services';
import { References } from './references';
import { ReleasedClaims } from './released-claims';
import { resourceClaims } from './resource-claims';
import { SelectedPods } from './selected-pods';
import { serviceAccounts } from './service-accounts';
import { services } from './services';
import { ShownServices } from './shown-services';
import { Tokens } from './tokens';
import { TrustBundles } from './trust-bundles';
import { Volumes } from './volumes';

export { createCaches } from './caches';
export type { Caches } from './caches';
export type { KindEnvironment } from './environment';
export { HostFacts } from './host-facts';
export { HostNodes } from './host-nodes';
export { HostVersion } from './host-version';

/**
 * Wires every synced kind to the caches and runs them until the signal ends.
 * @param hostNodes made with the same caches, early: whoever waits for its turn answers for these nodes, too
 * @param now the time of day that tokens and certificates are renewed by, in ms since 1970. @default Date.now
 */
export async function runKinds(
  environment: KindEnvironment,
  caches: Caches,
  hostNodes: HostNodes,
  signal: AbortSignal,
  now?: () => number,
): Promise<void> {
  const { configuration } = environment;
  const { toHost } = configuration.sync;
  const views = classViews(environment, caches);
  // All that refers to something comes before what is on the host while it is referred to, which waits for their caches.
  const references = new References();
  // What a pod refers to only changes by ephemeral containers.
  references.add({
    cache: caches.virtual.pods,
    references: toHost.serviceAccounts.enabled
      ? (pod) => [...podReferences(pod), serviceAccountReference(pod)]
      : podReferences,
    mayDiffer: gotEphemeralContainers,
  });
  const ingressTwins = toHost.ingresses.enabled
    ? [ingresses(environment, caches, references, views.ingressClasses)]
    : [];
  const custom = customResources(environment, caches, references);
  const configMaps = new ContentInUse<ConfigMap>(
    environment,
    caches,
    {
      kind: 'ConfigMap',
      type: resources.configMaps,
      ...configMapSteps(environment),
      fields: ['data', 'binaryData'],
    },
    caches.virtual.configMaps,
    caches.host.configMaps,
    references,
  );
  const secrets = new ContentInUse<Secret>(
    environment,
    caches,
    {
      kind: 'Secret',
      type: resources.secrets,
      ...secretSteps(environment),
      fields: ['data'],
    },
    caches.virtual.secrets,
    caches.host.secrets,
    references,
  );
  const nodes = new Nodes(environment, caches, hostNodes);
  const tokens = new Tokens(environment, caches, now);
  const accountTwins = toHost.serviceAccounts.enabled ? serviceAccounts(environment, caches, references) : undefined;
  const priorityTwins = toHost.priorityClasses.enabled ? priorityClasses(environment, caches) : undefined;
  const classes = new PodClasses(environment, caches, {
    shownPriorityClasses: views.priorityClasses,
    priorityClasses: priorityTwins,
    runtimeClasses: views.runtimeClasses,
    serviceAccounts: accountTwins,
  });
  const claims = toHost.persistentVolumeClaims.enabled ? new Claims(environment, caches, views, hostNodes) : undefined;
  const certificatesAPI = new CertificatesAPI(environment.virtual);
  const projections = [
    new TrustBundles(environment, caches, certificatesAPI),
    new PodCertificates(environment, caches, certificatesAPI, now),
  ];
  const pods = new Pods(environment, caches, {
    nodes,
    hostNodes,
    tokens,
    projections,
    claims,
    contents: [configMaps, secrets],
    classes,
    selected:
      configuration.policy.network.isolated && toHost.networkPolicies.enabled ? new SelectedPods(caches) : undefined,
  });
  if (!toHost.endpointSlices.enabled) tellOfUnsyncedEndpoints(environment, caches);
  const kinds: readonly Kind[] = [
    configMaps,
    secrets,
    nodes,
    tokens,
    ...projections,
    pods,
    services(environment, caches),
    new ShownServices(environment, caches),
    new PublishedServices(environment, caches),
    ...(claims ? [claims, new Volumes(environment, caches, claims)] : [new ReleasedClaims(environment, caches)]),
    ...(toHost.resourceClaims.enabled ? [resourceClaims(environment, caches)] : []),
    ...(toHost.networkPolicies.enabled ? [networkPolicies(environment, caches)] : []),
    ...(toHost.endpointSlices.enabled ? [endpointSlices(environment, caches)] : []),
    ...(toHost.podDisruptionBudgets.enabled ? [podDisruptionBudgets(environment, caches)] : []),
    ...ingressTwins,
    ...[accountTwins, priorityTwins, ...Object.values(views)].filter((kind) => kind !== undefined),
    ...(configuration.sync.fromHost.events.enabled ? [new HostEvents(environment, caches)] : []),
    ...custom,
  ];
  await Promise.all(kinds.map((kind) => kind.run(signal)));
}

/** A kind at work: runs until the signal ends it. */
interface Kind {
  run(signal: AbortSignal): Promise<void>;
}

/** The account that a pod runs as. */
const serviceAccountReference = (pod: Pod): Reference => ({
  kind: 'ServiceAccount',
  namespace: pod.metadata?.namespace ?? '',
  name: serviceAccountOf(pod),
  optional: false,
});

const gotEphemeralContainers = (pod: Pod, previous: Pod): boolean =>
  (pod.spec?.ephemeralContainers?.length ?? 0) > (previous.spec?.ephemeralContainers?.length ?? 0);
