import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import { Copier, object, plain, type CopyEnvironment, type Field, type JsonObject } from './fields';
import type { HostRight } from './host-right';
import { hostSelector, LABEL_SELECTOR } from './labels';
import { hostMetadata } from './metadata';

/** What the syncer does with disruption budgets on the host. */
export const POD_DISRUPTION_BUDGET_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'policy',
    resources: ['poddisruptionbudgets'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

/** What the host counts by other means than the virtual cluster does. */
const counted = { class: 'translated', shape: 'scalar' } as const;

/** Every field of PodDisruptionBudgetSpec; the counts and the selector are set below. */
export const POD_DISRUPTION_BUDGET_SPEC: Field<CopyEnvironment> = object({
  maxUnavailable: counted,
  minAvailable: counted,
  selector: LABEL_SELECTOR,
  unhealthyPodEvictionPolicy: plain,
});

/** What the host must hold to. */
type Count = Pick<PodDisruptionBudgetSpec, 'minAvailable' | 'maxUnavailable'>;

/**
 * The host twin of a PodDisruptionBudget. It selects only pods of its own virtual namespace; as there, an empty selector selects
 * all of them and none selects none. Percentages and `maxUnavailable` are shares of what the pods' controllers want, which
 * only the virtual cluster knows: on the host no pod has a controller, so that upstream's would allow no eviction ever. So
 * the twin has the number of pods that the virtual cluster's disruption controller worked out, see {@link isCounted}.
 */
export function translatePodDisruptionBudget(
  budget: PodDisruptionBudget,
  { identity, anchor }: ObjectContext,
): Translation<PodDisruptionBudget> {
  const environment = new RefusalCollector();
  const copy = new Copier(environment).copy(POD_DISRUPTION_BUDGET_SPEC, budget.spec ?? {}, ['spec']) as JsonObject;
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const { unhealthyPodEvictionPolicy, selector } = copy as PodDisruptionBudgetSpec;
  const spec: PodDisruptionBudgetSpec = {
    ...hostCount(budget),
    ...(selector && { selector: hostSelector(identity, budget.metadata?.namespace ?? '', selector) }),
    ...(unhealthyPodEvictionPolicy !== undefined && { unhealthyPodEvictionPolicy }),
  };
  const metadata = hostMetadata('PodDisruptionBudget', budget.metadata, { identity, anchor });
  return {
    ok: true,
    object: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec },
    references: [],
  };
}

/** Whether it is known how many pods the budget wants: at once for a number, else once its present state was counted. */
export function isCounted(budget: PodDisruptionBudget): boolean {
  if (!isShare(budget)) return true;
  const { generation = 0 } = budget.metadata ?? {};
  return (budget.status?.observedGeneration ?? 0) >= Math.max(generation, 1);
}

function isShare({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable != null || typeof spec?.minAvailable === 'string';
}

function hostCount(budget: PodDisruptionBudget): Count {
  const { minAvailable } = budget.spec ?? {};
  if (!isShare(budget)) return minAvailable == null ? {} : { minAvailable };
  const { expectedPods = 0, desiredHealthy = 0 } = budget.status ?? {};
  // Upstream allows no eviction where it expects no pods: there are none, or none with a controller to take a share of.
  return expectedPods > 0 ? { minAvailable: desiredHealthy } : { maxUnavailable: 0 };
}
