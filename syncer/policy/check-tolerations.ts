import type { Pod, Toleration } from 'kubernetes-types/core/v1';
import { keyMatches } from '../configuration';
import { violation, type PolicyLevel, type Violation } from './violation';

/** What a platform may allow beyond a level. */
export interface TolerationPolicy {
  readonly level: PolicyLevel;
  /** Keys of taints, or beginnings of keys and a `*`. */
  readonly toleratedTaints: readonly string[];
  /** Tolerations that the platform gave the pod, by its RuntimeClass. @default none */
  readonly given?: readonly Toleration[] | undefined;
}

/**
 * Taints that Kubernetes sets on nodes by itself, and whose tolerations its own controllers and admission give to pods
 * (k8s.io/api/core/v1, well_known_taints.go).
 */
const WELL_KNOWN: ReadonlySet<string> = new Set(
  [
    'disk-pressure',
    'memory-pressure',
    'network-unavailable',
    'not-ready',
    'pid-pressure',
    'unreachable',
    'unschedulable',
  ].map((name) => `node.kubernetes.io/${name}`),
);

/**
 * Which tolerations would bring a tenant's pod to nodes that the platform keeps for something else: control planes, other pools.
 * Looks at the pod as its tenant wrote it, as the platform's own patches may add others.
 */
export function checkTolerations(
  { spec }: Pick<Pod, 'spec'>,
  { level, toleratedTaints, given = [] }: TolerationPolicy,
): Violation[] {
  if (level === 'privileged') return [];
  return (spec?.tolerations ?? []).flatMap((toleration, index) => {
    const { key = '' } = toleration;
    const allowed =
      WELL_KNOWN.has(key) ||
      (key !== '' && toleratedTaints.some((pattern) => keyMatches(pattern, key))) ||
      given.some((one) => isSame(one, toleration));
    if (allowed) return [];
    const field = `spec.tolerations[${index}]`;
    const remedy = 'remove it, or ask the operator of the platform to allow the taint (policy.toleratedTaints)';
    return key === ''
      ? [violation('tolerations', 'baseline', field, 'of every taint', remedy)]
      : [violation('tolerations', 'baseline', `${field}.key`, key, remedy)];
  });
}

function isSame(one: Toleration, other: Toleration): boolean {
  return (
    one.key === other.key &&
    (one.operator ?? 'Equal') === (other.operator ?? 'Equal') &&
    (one.value ?? '') === (other.value ?? '') &&
    (one.effect ?? '') === (other.effect ?? '')
  );
}
