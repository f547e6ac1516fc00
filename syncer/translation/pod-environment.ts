import type { Pod } from 'kubernetes-types/core/v1';
import type { Reference, TranslationContext } from './context';
import type { CopyEnvironment, ReferredKind } from './fields';
import { hostName } from './names';

/** What the copier and the rules of a pod's fields share during one translation. */
export class PodEnvironment implements CopyEnvironment {
  readonly references: Reference[] = [];
  /** Why the pod cannot go to the host, each with its field's path. */
  readonly problems: string[] = [];
  /** Whether all problems are the host's version: on a newer one there would be none. */
  onlyHostTooOld = true;
  readonly hostMinor: number | undefined;
  readonly namespace: string;
  readonly podName: string;

  constructor(
    readonly pod: Pod,
    readonly context: TranslationContext,
  ) {
    this.namespace = pod.metadata?.namespace ?? '';
    this.hostMinor = context.hostMinor;
    this.podName = pod.metadata?.name ?? '';
  }

  reference(kind: ReferredKind, name: string, optional: boolean): string {
    // Endpoints are not synced because a pod names them: only a volume type that the policy refuses does.
    if (kind !== 'Endpoints') this.references.push({ kind, namespace: this.namespace, name, optional });
    return hostName(this.context.identity, this.namespace, name);
  }

  /** The word for events on a pod that has problems. */
  get reason(): 'HostTooOld' | 'Unsupported' {
    return this.onlyHostTooOld ? 'HostTooOld' : 'Unsupported';
  }

  refuse(path: string, why: string, hostTooOld = false): void {
    this.onlyHostTooOld &&= hostTooOld;
    this.problems.push(`${path} ${why}`);
  }
}
