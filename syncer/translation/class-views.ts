import type { IngressClass } from 'kubernetes-types/networking/v1';
import { viewOf } from './view';

/**
 * An IngressClass as tenants see it. Parameters in a namespace of the host are left out: the name means nothing to the tenant, in
 * whose cluster there may be another namespace of that name.
 */
export function ingressClassView(host: IngressClass): IngressClass {
  const view = viewOf(host);
  if (view.spec?.parameters?.scope !== 'Namespace') return view;
  return { ...view, spec: Object.fromEntries(Object.entries(view.spec).filter(([key]) => key !== 'parameters')) };
}
