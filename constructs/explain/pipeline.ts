import type { ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { parseCidr, type Cidr, type SyncerConfiguration } from '../../syncer/configuration';
import {
  checkIngress,
  checkNodes,
  checkPod,
  checkService,
  checkTolerations,
  type Violation,
} from '../../syncer/policy';
import {
  CustomResourceTranslator,
  hostName,
  hostPriorityClass,
  isSystemPriorityClass,
  serviceAccountOf,
  translateConfigMap,
  translateIngress,
  translateNetworkPolicy,
  translatePersistentVolumeClaim,
  translatePod,
  translatePodDisruptionBudget,
  translatePriorityClass,
  translateResourceClaim,
  translateSecret,
  translateService,
  translateServiceAccount,
  type ObjectContext,
  type ResourceClaim,
  type Translation,
  type TranslationContext,
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
   * Minor version of the host's Kubernetes 1, such as 36.
   *
   * @default - the newest
   */
  readonly hostMinor?: number;
}

/** How one kind goes to the host. */
export interface Step {
  /** The twin, as the syncer makes it. */
  readonly translate: (object: JsonObject) => Translation<unknown>;
  /** What the policy says against the twin. */
  readonly violations: (host: JsonObject, object: JsonObject) => readonly Violation[];
  /** What has to be so for there to be a twin at all. */
  readonly condition?: string;
}

/** A kind that does not go to the host, and why. */
export interface Stays {
  readonly stays: string;
}

const NO_VIOLATIONS = (): readonly Violation[] => [];

/** How an object of a kind goes to the host of a cluster with this configuration: by the functions that its syncer calls. */
export function stepFor(
  { apiVersion = '', kind = '' }: { readonly apiVersion?: string; readonly kind?: string },
  configuration: SyncerConfiguration,
  context: ObjectContext,
  facts: ExplainFacts,
): Step | Stays {
  const { policy, sync, virtualCluster } = configuration;
  const { toHost } = sync;
  const off = (setting: string): Stays => ({ stays: `${setting}.enabled is false` });
  switch (`${apiVersion} ${kind}`) {
    case 'v1 Pod':
      return {
        translate: (object) => translatePod(object as Pod, podContext(object as Pod, configuration, context, facts)),
        violations: (host, object) => [
          ...nodeViolations(object as Pod, configuration),
          ...checkTolerations(object as Pod, { level: policy.podSecurity, toleratedTaints: policy.toleratedTaints }),
          ...claimViolations(host as Pod, configuration),
          ...checkPod(host as Pod, policy.podSecurity, policy),
        ],
      };
    case 'v1 Service':
      return {
        translate: (object) => translateService(object as Service, context),
        violations: (host) =>
          checkService(host as Service, policy.podSecurity, { hostClusterDomain: virtualCluster.clusterDomain }),
      };
    case 'v1 ConfigMap':
    case 'v1 Secret':
      return {
        translate: (object) =>
          kind === 'Secret'
            ? translateSecret(object as Secret, context)
            : translateConfigMap(object as ConfigMap, context),
        violations: NO_VIOLATIONS,
        condition: 'only while a pod, an Ingress or a custom resource that is synced refers to it',
      };
    case 'v1 PersistentVolumeClaim': {
      if (!toHost.persistentVolumeClaims.enabled) return off('sync.toHost.persistentVolumeClaims');
      const retain = toHost.persistentVolumeClaims.deletionPolicy === 'Retain';
      return {
        translate: (object) => translatePersistentVolumeClaim(object as PersistentVolumeClaim, { ...context, retain }),
        violations: NO_VIOLATIONS,
        ...(sync.fromHost.storageClasses.enabled
          ? { condition: 'only with a StorageClass of the host that tenants are shown' }
          : {}),
      };
    }
    case 'v1 ServiceAccount': {
      if (!toHost.serviceAccounts.enabled) return off('sync.toHost.serviceAccounts');
      const { annotations } = toHost.serviceAccounts;
      return {
        translate: (object) => translateServiceAccount(object as ServiceAccount, { ...context, annotations }),
        violations: NO_VIOLATIONS,
        condition: 'only while a pod runs as it',
      };
    }
    case 'networking.k8s.io/v1 Ingress':
      return toHost.ingresses.enabled ? ingressStep(configuration, context) : off('sync.toHost.ingresses');
    case 'networking.k8s.io/v1 NetworkPolicy': {
      if (!toHost.networkPolicies.enabled) return off('sync.toHost.networkPolicies');
      const { allowedEgress, allowedIngress } = toHost.networkPolicies;
      const { network } = policy;
      const ranges = {
        allowedEgress: allowedEgress?.map(range),
        allowedIngress: allowedIngress?.map(range),
        platform: network.isolated ? network : undefined,
      };
      return {
        translate: (object) => translateNetworkPolicy(object as NetworkPolicy, { ...context, ...ranges }),
        violations: NO_VIOLATIONS,
      };
    }
    case 'policy/v1 PodDisruptionBudget':
      if (!toHost.podDisruptionBudgets.enabled) return off('sync.toHost.podDisruptionBudgets');
      return {
        translate: (object) => translatePodDisruptionBudget(object as PodDisruptionBudget, context),
        violations: NO_VIOLATIONS,
        condition: 'once the virtual cluster has counted its pods',
      };
    case 'resource.k8s.io/v1 ResourceClaim':
      if (!toHost.resourceClaims.enabled) return off('sync.toHost.resourceClaims');
      return {
        translate: (object) => translateResourceClaim(object as ResourceClaim, context),
        violations: NO_VIOLATIONS,
      };
    case 'scheduling.k8s.io/v1 PriorityClass': {
      if (!toHost.priorityClasses.enabled) return off('sync.toHost.priorityClasses');
      const { maximumValue } = toHost.priorityClasses;
      return {
        translate: (object) => translatePriorityClass(object as unknown as PriorityClass, { ...context, maximumValue }),
        violations: NO_VIOLATIONS,
      };
    }
    default:
      return customStep(apiVersion, kind, configuration, context);
  }
}

function customStep(
  apiVersion: string,
  kind: string,
  { sync }: SyncerConfiguration,
  context: ObjectContext,
): Step | Stays {
  const all = sync.toHost.customResources;
  const custom = all.find((one) => `${one.group}/${one.version}` === apiVersion && one.kind === kind);
  if (custom === undefined) return { stays: `objects of kind ${kind} live in the virtual cluster only` };
  const translator = new CustomResourceTranslator(custom, all, context);
  return { translate: (object) => translator.translate(object), violations: NO_VIOLATIONS };
}

function ingressStep({ policy, sync }: SyncerConfiguration, context: ObjectContext): Step {
  const { annotations, allowedHosts, allowedClasses } = sync.toHost.ingresses;
  return {
    translate: (object) =>
      translateIngress(object as Ingress, { ...context, annotations, defaultClass: allowedClasses[0] }),
    violations: (host) => checkIngress(host as Ingress, { level: policy.podSecurity, allowedHosts, allowedClasses }),
    ...(sync.fromHost.ingressClasses.enabled
      ? { condition: 'only with an IngressClass of the host that tenants are shown' }
      : {}),
  };
}

function podContext(
  pod: Pod,
  { virtualCluster, host, sync, dns, policy, scheduling }: SyncerConfiguration,
  context: ObjectContext,
  facts: ExplainFacts,
): TranslationContext {
  const { identity } = context;
  const { nodes, priorityClasses } = sync.fromHost;
  const named = pod.spec?.priorityClassName;
  const classes = priorityClasses.enabled ? 'host' : sync.toHost.priorityClasses.enabled ? 'virtual' : undefined;
  const hasClass = named !== undefined && classes !== undefined && !isSystemPriorityClass(named);
  return {
    ...context,
    apiServerIP: facts.apiServerIP ?? `<address of Service ${virtualCluster.name}>`,
    dnsIP: facts.dnsIP ?? (dns.enabled ? '<address of Service kube-system/kube-dns>' : undefined),
    clusterDomain: virtualCluster.clusterDomain,
    workloadServiceAccount: sync.toHost.serviceAccounts.enabled
      ? hostName(identity, pod.metadata?.namespace ?? '', serviceAccountOf(pod))
      : host.workloadServiceAccount,
    priorityClassName: hasClass ? hostPriorityClass(identity, named, classes) : undefined,
    helperImage: host.helperImage,
    realNodeLabels: nodes.mode !== 'fake',
    scheduledInside: scheduling.scheduler === 'virtual',
    alwaysPullImages: policy.alwaysPullImages,
    enforcedNodeSelector: nodes.enforce ? nodes.selector : undefined,
    resourceClaims: sync.toHost.resourceClaims.enabled,
    dnsEnabled: dns.enabled,
    namespaceLabels: facts.namespaceLabels ?? {},
    services: [],
  };
}

/** Which nodes there are is not known here: of names nothing is said. */
function nodeViolations(pod: Pod, { sync }: SyncerConfiguration): readonly Violation[] {
  const { selector, enforce } = sync.fromHost.nodes;
  return enforce ? checkNodes(pod, { selector, has: () => true }) : [];
}

/** Without claims of the virtual cluster a pod that has one would wait for ever. */
function claimViolations({ spec }: Pod, { sync }: SyncerConfiguration): readonly Violation[] {
  if (sync.toHost.persistentVolumeClaims.enabled) return [];
  return (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }, index) => {
    if (!persistentVolumeClaim) return [];
    const field = `spec.volumes[${index}].persistentVolumeClaim`;
    const message = `${field}: the platform does not provide persistent volumes to this virtual cluster; use an emptyDir volume`;
    return [{ rule: 'claims', level: 'privileged' as const, field, message }];
  });
}

/** @throws Error for what is no range, which the configuration does not let in */
function range(text: string): Cidr {
  const parsed = parseCidr(text);
  if (typeof parsed === 'string') throw new Error(`${JSON.stringify(text)} ${parsed}`);
  return parsed;
}
