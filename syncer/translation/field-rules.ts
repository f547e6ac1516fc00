import type { Field, Leaf } from './fields';
import { ENDPOINT_SLICE } from './endpoint-slice';
import { INGRESS_SPEC } from './ingress';
import { NETWORK_POLICY_SPEC } from './network-policy';
import { PERSISTENT_VOLUME_CLAIM_SPEC } from './persistent-volume-claim';
import { POD_DISRUPTION_BUDGET_SPEC } from './pod-disruption-budget';
import { POD_SPEC } from './pod-fields';
import { PRIORITY_CLASS } from './priority-class';
import { RESOURCE_CLAIM_SPEC } from './resource-claim';
import { SERVICE_SPEC } from './service';

/** A table, whatever its rules need to know: only its leaves are looked at. */
type Table = Field<never>;

/** The tables of the kinds that have one, and the field that each begins at; empty: the object itself. */
const TABLES: ReadonlyMap<string, { readonly root: string; readonly table: Table }> = new Map<
  string,
  { root: string; table: Table }
>([
  ['Pod', { root: 'spec', table: POD_SPEC }],
  ['Service', { root: 'spec', table: SERVICE_SPEC }],
  ['Ingress', { root: 'spec', table: INGRESS_SPEC }],
  ['NetworkPolicy', { root: 'spec', table: NETWORK_POLICY_SPEC }],
  ['PodDisruptionBudget', { root: 'spec', table: POD_DISRUPTION_BUDGET_SPEC }],
  ['PersistentVolumeClaim', { root: 'spec', table: PERSISTENT_VOLUME_CLAIM_SPEC }],
  ['ResourceClaim', { root: 'spec', table: RESOURCE_CLAIM_SPEC }],
  ['EndpointSlice', { root: '', table: ENDPOINT_SLICE }],
  ['PriorityClass', { root: '', table: PRIORITY_CLASS }],
]);

/**
 * How a field travels to the host, by the very table that the translation goes by.
 *
 * @param path keys from the object itself; elements of lists have any
 * @returns undefined for a field that the table does not have, and where it has no leaf
 */
export function fieldRule(kind: string, path: readonly string[]): Leaf | undefined {
  const found = TABLES.get(kind);
  if (found === undefined) return undefined;
  const { root, table } = found;
  if (root !== '' && path[0] !== root) return undefined;
  let field: Table | undefined = table;
  for (const key of root === '' ? path : path.slice(1)) {
    if (field === undefined) return undefined;
    // Keys of a map of scalars, or elements of a list of them, are below the leaf.
    if (field.class !== 'list' && field.class !== 'object') return field;
    field = field.class === 'list' ? field.item : field.fields.get(key);
  }
  return field === undefined || field.class === 'list' || field.class === 'object' ? undefined : field;
}
