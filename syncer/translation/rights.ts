import { CONFIG_MAP_RIGHTS } from './config-map';
import type { HostRight } from './host-right';
import { POD_RIGHTS } from './pod';
import { SECRET_RIGHTS } from './secret';
import { SERVICE_RIGHTS } from './service';

export type { HostRight } from './host-right';

/** The host's events about our objects, which are shown to tenants. */
const EVENT_RIGHTS: readonly HostRight[] = [{ apiGroup: '', resources: ['events'], verbs: ['get', 'list', 'watch'] }];

/**
 * All rights of the syncer's Role in the host namespace, in a stable order, without duplicates. It has none elsewhere.
 *
 * @param _configuration the syncer's configuration: kinds that are on request will bring their rights only when enabled
 */
export function syncerRights(_configuration?: object): readonly HostRight[] {
  return mergeRights([...POD_RIGHTS, ...SERVICE_RIGHTS, ...CONFIG_MAP_RIGHTS, ...SECRET_RIGHTS, ...EVENT_RIGHTS]);
}

/** One rule for all resources of a group that have the same verbs. */
function mergeRights(rights: readonly HostRight[]): readonly HostRight[] {
  const verbs = new Map<string, { apiGroup: string; resource: string; verbs: Set<string> }>();
  for (const { apiGroup, resources, verbs: granted } of rights) {
    for (const resource of resources) {
      const key = `${apiGroup}/${resource}`;
      const entry = verbs.get(key) ?? { apiGroup, resource, verbs: new Set() };
      for (const verb of granted) entry.verbs.add(verb);
      verbs.set(key, entry);
    }
  }
  const rules = new Map<string, { apiGroup: string; resources: string[]; verbs: string[] }>();
  for (const { apiGroup, resource, verbs: granted } of verbs.values()) {
    const sorted = [...granted].sort();
    const key = `${apiGroup}/${sorted.join(',')}`;
    const rule = rules.get(key) ?? { apiGroup, resources: [], verbs: sorted };
    rule.resources.push(resource);
    rules.set(key, rule);
  }
  for (const rule of rules.values()) rule.resources.sort();
  return [...rules.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, rule]) => rule);
}
