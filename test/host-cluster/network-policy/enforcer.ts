import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { Logger } from '../../../syncer/engine';
import { ObjectCache, Reflector } from '../../../syncer/engine';
import type { KubeClient, KubeObject, ResourceType } from '../../../syncer/kube-client';
import { resources } from '../../../syncer/kube-client';
import { rulesetOf } from './ruleset';

/** Changes that come together are one: a ruleset is made this long after the first of them, in ms. */
const DEBOUNCE_MS = 20;
/** Wait after a ruleset that was not taken, in ms. */
const RETRY_MS = 1000;

/** What an enforcer works with. */
export interface EnforcerOptions {
  /** Name of the node whose pods it looks after. */
  readonly node: string;
  readonly client: KubeClient;
  /** Replaces the ruleset in force, in one step. */
  readonly apply: (ruleset: string) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Keeps a node's ruleset as the policies, pods and namespaces of the cluster are, until the signal aborts. While the API
 * server is away, the last ruleset stays in force; so it does after the end.
 */
export async function enforce(options: EnforcerOptions, signal: AbortSignal): Promise<void> {
  const { node, client, apply, logger } = options;
  let changed = (): void => undefined;
  signal.addEventListener('abort', () => changed(), { once: true });
  const reflectors: Promise<void>[] = [];
  const follow = <T extends KubeObject>(type: ResourceType, transform?: (object: T) => T): ObjectCache<T> => {
    const cache = new ObjectCache<T>(type.resource);
    cache.subscribe(() => changed());
    reflectors.push(new Reflector<T>({ client, type, cache, transform, logger }).run(signal));
    return cache;
  };
  const policies = follow<NetworkPolicy>(resources.networkPolicies);
  const pods = follow<Pod>(resources.pods);
  const namespaces = follow<Namespace>(resources.namespaces);

  let inForce: string | undefined;
  try {
    await Promise.all([policies, pods, namespaces].map((cache) => cache.whenSynced(signal)));
    while (!signal.aborted) {
      // Before the caches are read: a change while a ruleset is being applied causes the next one.
      const next = new Promise<void>((resolve) => {
        changed = resolve;
      });
      try {
        const ruleset = rulesetOf(node, {
          policies: policies.values(),
          pods: pods.values(),
          namespaces: namespaces.values(),
        });
        if (ruleset !== inForce) {
          await apply(ruleset);
          inForce = ruleset;
          logger.info(
            { policies: policies.size, pods: pods.size, lines: ruleset.split('\n').length },
            'ruleset in force',
          );
        }
      } catch (error) {
        logger.error({ err: error }, 'the ruleset is not in force; trying again');
        await sleep(RETRY_MS, undefined, { signal });
        continue;
      }
      await next;
      await sleep(DEBOUNCE_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(reflectors);
  }
}
