import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { AnyObject } from '../api';
import { CommandError } from '../command';
import type { Namespaces } from '../namespaces';
import { runIn } from '../namespaces';
import type { ClusterPlan, NodePlan } from '../plan';
import { userRights } from '../user-rights';
import { TABLE } from './ruleset';

/** The user as whom the enforcer reads the cluster. */
export const ENFORCER_USER = 'network-policy-enforcer';

/**
 * Makes the enforcer's program in the cluster's directory: one file, so that a cluster runs on as it was started whatever
 * becomes of this checkout.
 *
 * @returns the file
 */
export async function bundleEnforcer(plan: ClusterPlan): Promise<string> {
  const outfile = join(plan.directory, 'bin', 'network-policy-enforcer.cjs');
  await build({
    entryPoints: [join(__dirname, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    keepNames: true,
    absWorkingDir: join(__dirname, '..', '..', '..'),
    logLevel: 'silent',
  });
  return outfile;
}

/** The command line of a node's enforcer, for its network namespace alone: it needs no other view of files. */
export function enforcerCommand(program: string, node: NodePlan, kubeconfig: string): string[] {
  return [process.execPath, program, `--node=${node.name}`, `--kubeconfig=${kubeconfig}`];
}

/** Waits until a node's enforcer has its first ruleset in force. */
export async function whenEnforcing(
  namespaces: Namespaces,
  membershipFile: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await runIn(namespaces, membershipFile, ['nft', 'list', 'table', 'inet', TABLE], { kinds: 'net', signal });
      return;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
    await sleep(50);
  }
}

/** Objects that let the enforcers read what they need. */
export function enforcerObjects(): AnyObject[] {
  return userRights(ENFORCER_USER, [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  ]);
}
