import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { isOurKey, LABELS } from './keys';

/** An object of any kind, as far as views look at it. */
interface Viewed {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** Annotations that say how an object was applied, not what it is. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * What the virtual cluster shows of a cluster-scoped object of the host: all of it under the same name, with a label that tells it
 * from the tenant's own. Its metadata are labels and annotations alone, without our own keys.
 */
export function viewOf<T extends Viewed>(host: T): T {
  const { name = '', labels, annotations } = host.metadata ?? {};
  return {
    ...(Object.fromEntries(Object.entries(host).filter(([key]) => key !== 'status')) as T),
    metadata: {
      name,
      labels: { ...withoutOurs(labels), [LABELS.view]: 'true' },
      annotations: withoutOurs(annotations),
    },
  };
}

/** Whether an object of the virtual cluster is one of the syncer's views; all others are the tenant's. */
export function isView({ metadata }: Viewed): boolean {
  return metadata?.labels?.[LABELS.view] === 'true';
}

/** Whether an object of the host carries all the labels that a selector asks for. */
export function hasLabels({ metadata }: Viewed, selector: Readonly<Record<string, string>>): boolean {
  const labels = new Map(Object.entries(metadata?.labels ?? {}));
  return Object.entries(selector).every(([key, value]) => labels.get(key) === value);
}

function withoutOurs(keys: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(keys ?? {}).filter(([key]) => key !== LAST_APPLIED && !isOurKey(key)));
}
