/** A kind of object and where the API server serves it. */
export interface ResourceType {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural lower-case name as in the URL: `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `apiVersion` of the type's objects: `v1`, `apps/v1`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/**
 * Path of a collection, or of an object when a name is given.
 * Every part is percent-encoded, so that a name can never reach another resource.
 * @throws TypeError for an object of a namespaced type without namespace, and for a part that is `.` or `..`
 */
export function resourcePath(
  type: ResourceType,
  place: { namespace?: string; name?: string; subresource?: string } = {},
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  let path = root;
  if (type.namespaced && place.namespace !== undefined) {
    path += `/namespaces/${segment(place.namespace, 'namespace')}`;
  } else if (type.namespaced && place.name !== undefined) {
    throw new TypeError(
      `${type.resource} "${place.name}": namespace is missing; pass it, as ${type.kind} is namespaced`,
    );
  }
  path += `/${type.resource}`;
  if (place.name !== undefined) path += `/${segment(place.name, 'name')}`;
  if (place.subresource !== undefined)
    path += `/${place.subresource
      .split('/')
      .map((part) => segment(part, 'subresource'))
      .join('/')}`;
  return path;
}

function segment(value: string, what: string): string {
  // encodeURIComponent leaves dots alone, and URL parsers resolve dot segments.
  if (value === '' || value === '.' || value === '..') {
    throw new TypeError(`${what} "${value}" cannot be part of an API path; pass a valid ${what}`);
  }
  return encodeURIComponent(value);
}
