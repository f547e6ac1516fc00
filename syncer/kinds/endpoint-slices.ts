import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { CacheChange } from '../engine';
import { resources } from '../kube-client';
import { canonicalAddress, endpointSliceSteps } from '../policy';
import { hasSelector, isView, ownedBy, serviceOfSlice, SLICE_MANAGER } from '../translation';
import type { EndpointPod } from '../translation';
import { INDEX, withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { warn } from './refusals';
import { isOwnService } from './services';
import { Twins } from './twins';

/** Names of the indexes of virtual slices. */
const BY = { service: 'service', address: 'address' } as const;

/**
 * EndpointSlices of Services without a selector, whoever wrote them: the tenant, or the virtual cluster's mirroring controller
 * from Endpoints. Those of all other Services are the host's own, made from the selector of the Service's twin. An address leaves
 * the host when the pod that had it does, as another tenant's may get it next.
 */
export function endpointSlices(environment: KindEnvironment, caches: Caches): Twins<EndpointSlice> {
  const type = resources.endpointSlices;
  const virtual = caches.of<EndpointSlice>('virtual', type, { transform: withoutLastApplied });
  const { label, value } = SLICE_MANAGER;
  const host = caches.of<EndpointSlice>('host', type, { labelSelector: `${label}=${value}` });
  virtual.addIndex(BY.service, (slice) => {
    const service = serviceOfSlice(slice);
    return service === undefined ? [] : [service];
  });
  virtual.addIndex(BY.address, addressesOf);

  const isOwnPod = (address: string): boolean => caches.host.pods.byIndex(INDEX.address, address).length > 0;
  const podsAt = (text: string): readonly EndpointPod[] => {
    const address = canonicalAddress(text);
    if (address === undefined) return [];
    return caches.host.pods.byIndex(INDEX.address, address).flatMap((pod) => endpointPod(environment, pod));
  };

  const twins = new Twins<EndpointSlice>(environment, caches, {
    type,
    virtual,
    host,
    waitFor: [caches.virtual.services, caches.host.pods],
    concerns: (slice) => hasHandmadeEndpoints(caches.virtual.services.get(serviceOfSlice(slice) ?? '')),
    ...endpointSliceSteps(environment.configuration, environment, { isOwnPod, podsAt }),
    // What the policy refuses must not be reached a moment longer.
    whenRefused: 'remove',
  });
  const look = (index: string, key: string): void => {
    for (const { metadata } of virtual.byIndex(index, key)) twins.enqueue(`${metadata?.namespace}/${metadata?.name}`);
  };
  caches.virtual.services.subscribe(({ key, object, previous }) => {
    if (!previous || hasHandmadeEndpoints(object) !== hasHandmadeEndpoints(previous)) look(BY.service, key);
  });
  caches.host.pods.subscribe((change) => {
    for (const address of changedAddresses(change)) look(BY.address, address);
  });
  return twins;
}

/** Where slices are not synced: tells the owner of each Service that leads nowhere without them, once it does. */
export function tellOfUnsyncedEndpoints(environment: KindEnvironment, caches: Caches): void {
  const leadsNowhere = (service: Service | undefined): boolean =>
    hasHandmadeEndpoints(service) && service?.spec?.clusterIP !== 'None'; // of which DNS tells the endpoints themselves
  const look = (service: Service): void => {
    if (!leadsNowhere(service)) return;
    const message =
      'connections to this Service go nowhere: it has no selector, and the platform does not sync the EndpointSlices of such Services ' +
      '(sync.toHost.endpointSlices.enabled); give it a selector, or ask the operator of the platform to sync them';
    warn(environment, resources.services, service, 'EndpointsNotSynced', message);
  };
  for (const service of caches.virtual.services.values()) look(service);
  caches.virtual.services.subscribe(({ type, object, previous }) => {
    if (type !== 'deleted' && !leadsNowhere(previous)) look(object);
  });
}

function hasHandmadeEndpoints(service: Service | undefined): boolean {
  return (
    service !== undefined &&
    !isOwnService(service) &&
    !isView(service) && // one of the host's, which has its own there
    service.spec?.type !== 'ExternalName' && // nothing is forwarded to its endpoints
    !hasSelector(service)
  );
}

/** Canonical addresses of a virtual slice. */
function addressesOf({ endpoints }: EndpointSlice): readonly string[] {
  return (endpoints ?? []).flatMap(({ addresses }) =>
    addresses.flatMap((text) => {
      const address = canonicalAddress(text);
      return address === undefined ? [] : [address];
    }),
  );
}

function endpointPod({ identity }: KindEnvironment, pod: Pod): readonly EndpointPod[] {
  const owner = ownedBy(pod, identity);
  const { name = '', uid = '' } = pod.metadata ?? {};
  if (!owner) return [];
  return [{ virtual: { namespace: owner.namespace, name: owner.name }, name, uid, nodeName: pod.spec?.nodeName }];
}

/** Addresses that a change of a host pod may have given or taken away. */
function changedAddresses({ type, object, previous }: CacheChange<Pod>): readonly string[] {
  const addresses = (pod: Pod | undefined) => (pod?.status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  const now = addresses(object);
  if (type !== 'modified') return now;
  const before = addresses(previous);
  // An address counts until its pod has ended, whatever else changes.
  if (object.status?.phase !== previous?.status?.phase) return [...new Set([...now, ...before])];
  return [...now.filter((ip) => !before.includes(ip)), ...before.filter((ip) => !now.includes(ip))];
}
