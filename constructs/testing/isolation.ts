import type { VirtualCluster } from '../virtual-cluster';
import { ATTACKS, type Attack } from './attacks';

/** What became of one attack on a cluster. */
export interface AttackResult {
  /** Number in docs/security.md. */
  readonly number: number;
  /** What is tried. */
  readonly title: string;
  /** Where it has to be stopped. */
  readonly stoppedAt: Attack['stoppedAt'];
  /** Whether this cluster stops it. */
  readonly stopped: boolean;
  /** How it succeeds; undefined where it is stopped. */
  readonly how: string | undefined;
  /** Whether the cluster's level promises that it is stopped. */
  readonly expected: boolean;
}

/** Runs every attack that can be decided before anything runs, against a cluster's own configuration: roles, rules and patches. */
export function attack(cluster: VirtualCluster): readonly AttackResult[] {
  const { podSecurity } = cluster.spec.configuration.policy;
  return ATTACKS.map(({ number, title, stoppedAt, success }) => {
    const how = success(cluster);
    const expected =
      stoppedAt === 'always' ||
      (stoppedAt === 'baseline' && podSecurity !== 'privileged') ||
      (stoppedAt === 'restricted' && podSecurity === 'restricted');
    return { number, title, stoppedAt, stopped: how === undefined, how, expected };
  });
}

/** How strict {@link assertIsolated} is. */
export interface AssertIsolatedOptions {
  /**
   * Whether host names of Ingresses have to be limited, too, which is an option of each cluster.
   *
   * @default false
   */
  readonly hosts?: boolean;
}

/**
 * Holds a cluster to the isolation of a tenant that nobody trusts: Pod Security `baseline` or better, and no attack of that level
 * succeeds, whatever the platform's own patches and rules add.
 *
 * @throws Error that names each attack that succeeds, and how
 */
export function assertIsolated(cluster: VirtualCluster, { hosts = false }: AssertIsolatedOptions = {}): void {
  const found = attack(cluster).filter(({ stopped, expected, stoppedAt }) => {
    const isAsked = expected || stoppedAt === 'baseline' || (hosts && stoppedAt === 'option');
    return isAsked && !stopped;
  });
  if (found.length === 0) return;
  const lines = found.map(({ number, title, how }) => `  attack ${number}, ${title}: ${how}`);
  throw new Error([`${cluster.node.path} is not isolated:`, ...lines].join('\n'));
}
