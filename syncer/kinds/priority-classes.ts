import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { resources } from '../kube-client';
import { isSystemPriorityClass, priorityClassNeedsRecreation, translatePriorityClass } from '../translation';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';

/** The tenant's PriorityClasses. Those that every cluster has for its own components stay where they are. */
export function priorityClasses(environment: KindEnvironment, caches: Caches): Twins<PriorityClass> {
  const type = resources.priorityClasses;
  const { maximumValue } = environment.configuration.sync.toHost.priorityClasses;
  return new Twins<PriorityClass>(environment, caches, {
    type,
    virtual: caches.of<PriorityClass>('virtual', type, { transform: withoutLastApplied }),
    host: caches.of<PriorityClass>('host', type),
    concerns: ({ metadata }) => !isSystemPriorityClass(metadata?.name ?? ''),
    translate: (virtual) => translatePriorityClass(virtual, { identity: environment.identity, maximumValue }),
    whenRefused: 'remove',
    mustBeRemade: priorityClassNeedsRecreation,
  });
}
