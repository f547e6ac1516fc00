import type { LabelSelector } from 'kubernetes-types/meta/v1';

/**
 * Whether labels match a selector, as `metav1.LabelSelectorAsSelector` decides: no selector matches nothing, an empty one
 * everything. An operator that is not known matches nothing.
 */
export function matchesLabels(
  selector: LabelSelector | null | undefined,
  labels: Readonly<Record<string, string>> | undefined = {},
): boolean {
  if (selector == null) return false;
  const values = new Map(Object.entries(labels));
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => values.get(key) === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values: wanted }) => {
      const value = values.get(key);
      switch (operator) {
        case 'In':
          return value !== undefined && (wanted ?? []).includes(value);
        case 'NotIn':
          return value === undefined || !(wanted ?? []).includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          return false;
      }
    })
  );
}
