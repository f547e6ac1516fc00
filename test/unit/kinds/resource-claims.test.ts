import { resources } from '../../../syncer/kube-client';
import { resourceClaims } from '../../../syncer/kinds/resource-claims';
import { translateResourceClaim, withAppliedDigest } from '../../../syncer/translation';
import type { ResourceClaim } from '../../../syncer/translation';
import { eventually } from '../../virtual-cluster/eventually';
import { listed, playClusters } from './played-clusters';

const stop = new AbortController();
afterAll(() => stop.abort());

/** A claim with a field that a host has from 1.37 on. */
const claim = (name: string): ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: { name, namespace: 'shop', uid: `${name}-uid`, resourceVersion: '1' },
  spec: {
    devices: {
      requests: [
        { name: 'one', exactly: { deviceClassName: 'gpu', derivedAttributes: [{ name: 'a', expression: 'b' }] } },
      ],
    },
  },
});

test('claims that a host was too old for get their twins when it is upgraded, and one that has its twin keeps it', async () => {
  const clusters = await playClusters({ toHost: { resourceClaims: { enabled: true } } }, 'v1.36.0');
  const { environment, caches, host } = clusters;
  const kind = resourceClaims(environment, caches);
  const used = claim('used');
  // As after a host that was newer once.
  const translation = translateResourceClaim(used, { ...environment, hostMinor: 37 });
  if (!translation.ok) throw new Error(translation.message);
  const twin = withAppliedDigest(translation.object);
  listed(caches.virtual.pods);
  listed(caches.host.pods);
  listed(caches.of('virtual', resources.resourceClaims), claim('waiting'), used);
  listed(caches.of('host', resources.resourceClaims), { ...twin, metadata: { ...twin.metadata, uid: 'twin-uid' } });
  const running = kind.run(stop.signal);
  await eventually('both claims are refused', async () => {
    expect(clusters.events.map((event) => event.slice(0, event.indexOf(':'))).sort()).toEqual([
      'HostTooOld used',
      'HostTooOld waiting',
    ]);
    return Promise.resolve(true);
  });
  expect(host.writes).toEqual([]);
  await clusters.upgrade('v1.37.0');
  await eventually('the waiting claim has a twin', () =>
    Promise.resolve(host.writes.includes('create resourceclaims waiting-x-shop-x-vc')),
  );
  expect(host.writes).toEqual(['create resourceclaims waiting-x-shop-x-vc']);
  stop.abort();
  await running;
});
