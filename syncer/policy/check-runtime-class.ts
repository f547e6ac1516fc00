import type { Pod } from 'kubernetes-types/core/v1';
import { violation, type Violation } from './violation';

/**
 * Where tenants see the host's RuntimeClasses, they have no others: an own RuntimeClass of the virtual cluster must not lead to a
 * handler of the host that happens to have its name.
 */
export function checkRuntimeClass(pod: Pod, isShown: (className: string) => boolean): Violation[] {
  const name = pod.spec?.runtimeClassName;
  if (!name || isShown(name)) return [];
  const remedy = "use one of the host's, which kubectl get runtimeclass shows with the label nestling.dev/from-host";
  return [violation('runtimeClass', 'baseline', 'spec.runtimeClassName', name, remedy)];
}
