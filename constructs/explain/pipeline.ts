import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { SyncerConfiguration } from '../../syncer/configuration';
import {
  claimProblem,
  configMapSteps,
  endpointSliceSteps,
  ingressSteps,
  networkPolicySteps,
  podContext,
  podDisruptionBudgetSteps,
  podSteps,
  priorityClassSteps,
  resourceClaimSteps,
  secretSteps,
  serviceAccountSteps,
  serviceSteps,
  type TwinSteps,
} from '../../syncer/policy';
import {
  CustomResourceTranslator,
  hostName,
  hostPriorityClass,
  isSystemPriorityClass,
  serviceAccountOf,
  translatePersistentVolumeClaim,
  type ObjectContext,
  type Reference,
} from '../../syncer/translation';
import type { JsonObject } from './leaves';

/** What only the running cluster knows; each has a stand-in where it is not given. */
export interface ExplainFacts {
  /**
   * Address of the virtual API server's Service.
   *
   * @default - a text in angle brackets that says what it stands for
   */
  readonly apiServerIP?: string;
  /**
   * Address of the virtual cluster's name server.
   *
   * @default - a text in angle brackets that says what it stands for
   */
  readonly dnsIP?: string;
  /**
   * Labels of the object's virtual Namespace.
   *
   * @default - none
   */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /**
   * Addresses of the tenant's own pods, which EndpointSlices may lead to.
   *
   * @default - none
   */
  readonly podAddresses?: readonly string[];
  /**
   * Minor version of the host's Kubernetes 1, such as 36.
   *
   * @default - the newest
   */
  readonly hostMinor?: number;
}

/** How one kind goes to the host. */
export interface Step {
  /** As the syncer takes them. */
  readonly steps: TwinSteps<JsonObject>;
  /** Why there is no twin although policy and translation have nothing against it. */
  readonly problem?: (references: readonly Reference[]) => string | undefined;
  /** What has to be so for there to be a twin at all. */
  readonly condition?: string;
}

/** A kind that does not go to the host, and why. */
export interface Stays {
  readonly stays: string;
}

/** How an object of a kind goes to the host of a cluster with this configuration: in the steps that its syncer takes. */
export function stepFor(
  manifest: JsonObject,
  configuration: SyncerConfiguration,
  context: ObjectContext,
  facts: ExplainFacts,
): Step | Stays {
  const { sync } = configuration;
  const { toHost, fromHost } = sync;
  const { apiVersion = '', kind = '' } = manifest as { readonly apiVersion?: string; readonly kind?: string };
  const off = (setting: string): Stays => ({ stays: `${setting}.enabled is false` });
  /** @param steps of the kind that the manifest is of */
  const step = <T>(steps: TwinSteps<T>, condition?: string): Step => ({
    steps: steps as unknown as TwinSteps<JsonObject>,
    ...(condition === undefined ? {} : { condition }),
  });
  switch (`${apiVersion} ${kind}`) {
    case 'v1 Pod':
      return {
        ...step(podStepsFor(manifest as Pod, configuration, context, facts)),
        problem: (references) => claimProblem(references, configuration),
      };
    case 'v1 Service':
      return step(serviceSteps(configuration, context));
    case 'v1 ConfigMap':
    case 'v1 Secret': {
      const condition = 'only while a pod, an Ingress or a custom resource that is synced refers to it';
      return kind === 'Secret' ? step(secretSteps(context), condition) : step(configMapSteps(context), condition);
    }
    case 'v1 PersistentVolumeClaim': {
      if (!toHost.persistentVolumeClaims.enabled) return off('sync.toHost.persistentVolumeClaims');
      const retain = toHost.persistentVolumeClaims.deletionPolicy === 'Retain';
      const shown = fromHost.storageClasses.enabled
        ? 'only with a StorageClass of the host that tenants are shown'
        : undefined;
      const translate = (claim: PersistentVolumeClaim) => translatePersistentVolumeClaim(claim, { ...context, retain });
      return step({ translate }, shown);
    }
    case 'v1 ServiceAccount':
      if (!toHost.serviceAccounts.enabled) return off('sync.toHost.serviceAccounts');
      return step(serviceAccountSteps(configuration, context), 'only while a pod runs as it');
    case 'discovery.k8s.io/v1 EndpointSlice': {
      if (!toHost.endpointSlices.enabled) return off('sync.toHost.endpointSlices');
      const own = new Set(facts.podAddresses);
      const isOwnPod = (address: string): boolean => own.has(address);
      const steps = endpointSliceSteps(configuration, context, { isOwnPod, podsAt: () => [] });
      return step(steps, 'only of a Service without a selector');
    }
    case 'networking.k8s.io/v1 Ingress': {
      if (!toHost.ingresses.enabled) return off('sync.toHost.ingresses');
      const shown = fromHost.ingressClasses.enabled
        ? 'only with an IngressClass of the host that tenants are shown'
        : undefined;
      return step(ingressSteps(configuration, context), shown);
    }
    case 'networking.k8s.io/v1 NetworkPolicy':
      if (!toHost.networkPolicies.enabled) return off('sync.toHost.networkPolicies');
      return step(networkPolicySteps(configuration, context));
    case 'policy/v1 PodDisruptionBudget':
      if (!toHost.podDisruptionBudgets.enabled) return off('sync.toHost.podDisruptionBudgets');
      return step(podDisruptionBudgetSteps(context), 'once the virtual cluster has counted its pods');
    case 'resource.k8s.io/v1 ResourceClaim':
      if (!toHost.resourceClaims.enabled) return off('sync.toHost.resourceClaims');
      return step(resourceClaimSteps(() => context));
    case 'scheduling.k8s.io/v1 PriorityClass':
      if (!toHost.priorityClasses.enabled) return off('sync.toHost.priorityClasses');
      return step(priorityClassSteps(configuration, context));
    default: {
      const all = toHost.customResources;
      const custom = all.find((one) => `${one.group}/${one.version}` === apiVersion && one.kind === kind);
      if (custom === undefined) return { stays: `objects of kind ${kind} live in the virtual cluster only` };
      const translator = new CustomResourceTranslator(custom, all, context);
      return step({ translate: (object: JsonObject) => translator.translate(object) });
    }
  }
}

function podStepsFor(
  pod: Pod,
  configuration: SyncerConfiguration,
  context: ObjectContext,
  facts: ExplainFacts,
): TwinSteps<Pod> {
  const { virtualCluster, host, sync, dns } = configuration;
  const { identity } = context;
  const named = pod.spec?.priorityClassName;
  const classes = sync.fromHost.priorityClasses.enabled
    ? 'host'
    : sync.toHost.priorityClasses.enabled
      ? 'virtual'
      : undefined;
  const hasClass = named !== undefined && classes !== undefined && !isSystemPriorityClass(named);
  const translation = podContext(configuration, context, {
    apiServerIP: facts.apiServerIP ?? `<address of Service ${virtualCluster.name}>`,
    dnsIP: facts.dnsIP ?? (dns.enabled ? '<address of Service kube-system/kube-dns>' : undefined),
    workloadServiceAccount: sync.toHost.serviceAccounts.enabled
      ? hostName(identity, pod.metadata?.namespace ?? '', serviceAccountOf(pod))
      : host.workloadServiceAccount,
    priorityClassName: hasClass ? hostPriorityClass(identity, named, classes) : undefined,
    namespaceLabels: facts.namespaceLabels ?? {},
    services: [],
  });
  // Which nodes there are is not known here: of names nothing is said.
  return podSteps(configuration, translation, { hasNode: () => true });
}
