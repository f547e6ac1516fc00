import type { AnyObject } from '../../syncer/kube-client';

/** What a program said of an object, with the values that the cluster has in those places now: what a refresh takes over. */
export function asItIs(inputs: AnyObject, live: AnyObject): AnyObject {
  return projected(inputs, live) as AnyObject;
}

function projected(said: unknown, live: unknown): unknown {
  if (Array.isArray(said)) {
    if (!Array.isArray(live) || live.length !== said.length) return live;
    return said.map((one, index) => projected(one, live[index]));
  }
  if (typeof said === 'object' && said !== null && typeof live === 'object' && live !== null) {
    return Object.fromEntries(
      Object.entries(said).map(([key, value]) => [key, projected(value, (live as Record<string, unknown>)[key])]),
    );
  }
  // What an API server leaves out is what it takes for nothing.
  return live === undefined && isNothing(said) ? said : live;
}

function isNothing(value: unknown): boolean {
  return (
    value === null ||
    value === '' ||
    value === false ||
    value === 0 ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}
