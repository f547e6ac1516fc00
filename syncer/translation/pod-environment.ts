import type { Pod } from 'kubernetes-types/core/v1';
import type { Reference, TranslationContext } from './context';
import { RefusalCollector } from './copy-environment';
import type { ReferredKind } from './fields';
import { hostName } from './names';

/** What the copier and the rules of a pod's fields share during one translation. */
export class PodEnvironment extends RefusalCollector {
  readonly references: Reference[] = [];
  readonly namespace: string;
  readonly podName: string;

  constructor(
    readonly pod: Pod,
    readonly context: TranslationContext,
  ) {
    super(context.hostMinor);
    this.namespace = pod.metadata?.namespace ?? '';
    this.podName = pod.metadata?.name ?? '';
  }

  override reference(kind: ReferredKind, name: string, optional: boolean): string {
    // Endpoints are not synced because a pod names them: only a volume type that the policy refuses does.
    if (kind !== 'Endpoints') this.references.push({ kind, namespace: this.namespace, name, optional });
    return hostName(this.context.identity, this.namespace, name);
  }
}
