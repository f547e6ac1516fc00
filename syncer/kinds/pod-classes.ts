import type { Pod, ServiceAccount } from 'kubernetes-types/core/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { objectKey } from '../engine';
import type { ObjectCache, SyncedSource } from '../engine';
import { resources } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import type { RuntimeClassKnowledge } from '../policy';
import { hostName, hostPriorityClass, isSystemPriorityClass, serviceAccountOf } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { notOnHost } from './refusals';
import type { Twins } from './twins';
import type { Views } from './views';

/** Names of the indexes of virtual pods by what they name. */
const BY_PRIORITY_CLASS = 'priorityClass';
const BY_RUNTIME_CLASS = 'runtimeClass';
const BY_SERVICE_ACCOUNT = 'serviceAccount';

/** What of the classes and accounts that pods name is on the host; each undefined where it is not synced. */
export interface NamedByPods {
  readonly shownPriorityClasses: Views<PriorityClass> | undefined;
  readonly priorityClasses: Twins<PriorityClass> | undefined;
  readonly runtimeClasses: Views<RuntimeClass> | undefined;
  readonly serviceAccounts: Twins<ServiceAccount> | undefined;
}

/** The classes and the account that a pod has on the host: whose names, and whether they are there yet. */
export class PodClasses {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #named: NamedByPods;
  readonly #virtualPriorityClasses: ObjectCache<PriorityClass> | undefined;
  readonly #virtualAccounts: ObjectCache<ServiceAccount> | undefined;
  /** Caches that must be complete before a pod is made. */
  readonly sources: readonly SyncedSource[];

  constructor(environment: KindEnvironment, caches: Caches, named: NamedByPods) {
    this.#environment = environment;
    this.#caches = caches;
    this.#named = named;
    const { priorityClasses, serviceAccounts, shownPriorityClasses, runtimeClasses } = named;
    const virtual = <T extends KubeObject>(twins: Twins<T> | undefined, type: ResourceType) =>
      twins && caches.of<T>('virtual', type);
    this.#virtualPriorityClasses = virtual(priorityClasses, resources.priorityClasses);
    this.#virtualAccounts = virtual(serviceAccounts, resources.serviceAccounts);
    const hosts = [
      shownPriorityClasses?.host,
      runtimeClasses?.host,
      priorityClasses && caches.of('host', resources.priorityClasses),
      serviceAccounts && caches.of('host', resources.serviceAccounts),
    ];
    this.sources = [...hosts, this.#virtualPriorityClasses, this.#virtualAccounts].filter((one) => one !== undefined);
    const { pods } = caches.virtual;
    if (priorityClasses)
      pods.addIndex(BY_PRIORITY_CLASS, ({ spec }) => (spec?.priorityClassName ? [spec.priorityClassName] : []));
    if (runtimeClasses)
      pods.addIndex(BY_RUNTIME_CLASS, ({ spec }) => (spec?.runtimeClassName ? [spec.runtimeClassName] : []));
    if (serviceAccounts) pods.addIndex(BY_SERVICE_ACCOUNT, (pod) => [accountKey(pod)]);
  }

  /** Which of what the pod names is not on the host, and why; undefined when all is. `onChange` tells when that may be so. */
  obstacle(pod: Pod): string | undefined {
    const { priorityClasses, serviceAccounts } = this.#named;
    const priorityClass = this.#virtualPriorityClasses?.get(pod.spec?.priorityClassName ?? '');
    if (priorityClass && !isSystemPriorityClass(priorityClass.metadata?.name ?? '')) {
      const { name = '' } = priorityClass.metadata ?? {};
      if (!priorityClasses?.twinOf(priorityClass)) {
        return notOnHost(`priorityclass "${name}"`, priorityClasses?.refusals.of(name));
      }
    }
    if (!serviceAccounts) return undefined;
    const account = this.#virtualAccounts?.get(accountKey(pod));
    const text = `serviceaccount "${serviceAccountOf(pod)}"`;
    if (account === undefined) return `${text} not found`;
    return serviceAccounts.twinOf(account) ? undefined : notOnHost(text, serviceAccounts.refusals.of(accountKey(pod)));
  }

  /** Name on the host of the pod's PriorityClass; undefined when it goes without. */
  priorityClassName({ spec }: Pod): string | undefined {
    const { shownPriorityClasses } = this.#named;
    const name = spec?.priorityClassName;
    if (!name) return undefined;
    const { identity } = this.#environment;
    if (shownPriorityClasses?.shows(name)) return hostPriorityClass(identity, name, 'host');
    return this.#virtualPriorityClasses?.has(name) ? hostPriorityClass(identity, name, 'virtual') : undefined;
  }

  /** Name of the account on the host that the pod runs as: never one that the tenant could choose. */
  serviceAccountName(pod: Pod): string {
    const { identity, configuration } = this.#environment;
    if (!this.#named.serviceAccounts) return configuration.host.workloadServiceAccount;
    return hostName(identity, pod.metadata?.namespace ?? '', serviceAccountOf(pod));
  }

  /** What is known of the RuntimeClasses that tenants are shown; undefined where they are shown none. */
  get runtimeClasses(): RuntimeClassKnowledge | undefined {
    const { runtimeClasses } = this.#named;
    return (
      runtimeClasses && {
        shows: (name) => runtimeClasses.shows(name),
        tolerations: (name) =>
          runtimeClasses.shows(name) ? runtimeClasses.host.get(name)?.scheduling?.tolerations : undefined,
      }
    );
  }

  /** Calls back with keys of pods whose classes or accounts have come to the host, gone or changed there, or were refused. */
  onChange(listener: (podKey: string) => void): void {
    const { pods } = this.#caches.virtual;
    const tell = (index: string, value: string): void => {
      for (const pod of pods.byIndex(index, value)) listener(objectKey(pod));
    };
    const { priorityClasses, serviceAccounts, runtimeClasses } = this.#named;
    runtimeClasses?.host.subscribe(({ key }) => tell(BY_RUNTIME_CLASS, key));
    const twins = (type: ResourceType, index: string): void => {
      this.#caches.of('host', type).subscribe(({ object }) => {
        const key = this.#caches.virtualKeyOf(object, type.kind);
        if (key !== undefined) tell(index, key);
      });
    };
    if (priorityClasses) {
      twins(resources.priorityClasses, BY_PRIORITY_CLASS);
      priorityClasses.refusals.onChange((key) => tell(BY_PRIORITY_CLASS, key));
    }
    if (serviceAccounts) {
      twins(resources.serviceAccounts, BY_SERVICE_ACCOUNT);
      serviceAccounts.refusals.onChange((key) => tell(BY_SERVICE_ACCOUNT, key));
    }
  }
}

const accountKey = (pod: Pod): string => `${pod.metadata?.namespace ?? ''}/${serviceAccountOf(pod)}`;
