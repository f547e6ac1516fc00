import type { Service } from 'kubernetes-types/core/v1';
import { adoption, ANNOTATIONS, reservationAge, reservationVerdict } from '../../../syncer/translation';

const now = Date.parse('2026-03-01T12:00:00Z');
const addresses = { clusterIP: '10.0.0.7', clusterIPs: ['10.0.0.7'] };

function host(secondsAgo: number, uid?: string, spec: Service['spec'] = addresses): Service {
  const reservation = new Date(now - secondsAgo * 1000).toISOString();
  const annotations = {
    [ANNOTATIONS.reservation]: reservation,
    ...(uid === undefined ? {} : { [ANNOTATIONS.uid]: uid }),
  };
  return { metadata: { name: 'web-x-ns1-x-vc', resourceVersion: '7', annotations }, spec };
}

function virtual(spec: Service['spec'] = addresses, uid = 'u1'): Service {
  return { metadata: { name: 'web', uid }, spec };
}

test('a reservation without a virtual Service waits, then goes', () => {
  expect(reservationVerdict(host(10), undefined, now, 60)).toEqual({ verdict: 'wait', afterMs: 50_000 });
  expect(reservationVerdict(host(60), undefined, now, 60)).toEqual({ verdict: 'remove' });
});

test('with the virtual Service it is adopted, however old', () => {
  expect(reservationVerdict(host(1), virtual(), now, 60)).toEqual({ verdict: 'adopt' });
  expect(reservationVerdict(host(3600), virtual(), now, 60)).toEqual({ verdict: 'adopt' });
});

test('one whose address the virtual Service cannot take goes', () => {
  for (const spec of [{ clusterIP: '10.0.0.8' }, { clusterIP: 'None' }, { type: 'ExternalName' }]) {
    expect(reservationVerdict(host(1), virtual(spec), now, 60)).toEqual({ verdict: 'remove' });
  }
});

test('a reservation for the successor of a Service that a cache still shows is left alone for a moment', () => {
  const former = virtual({ clusterIP: '10.0.0.8' });
  const createdAt = (time: string): Service => ({
    ...former,
    metadata: { ...former.metadata, creationTimestamp: time },
  });
  expect(reservationVerdict(host(2), createdAt('2026-03-01T11:00:00Z'), now, 60)).toEqual({
    verdict: 'wait',
    afterMs: 8_000,
  });
  expect(reservationVerdict(host(11), createdAt('2026-03-01T11:00:00Z'), now, 60)).toEqual({ verdict: 'remove' });
  // Stored after the reservation was made, in the same second.
  expect(reservationVerdict(host(2), { ...createdAt('2026-03-01T11:59:58Z'), spec: addresses }, now, 60)).toEqual({
    verdict: 'adopt',
  });
});

test('a twin whose Service was made anew goes', () => {
  expect(reservationVerdict(host(1, 'u0'), virtual(), now, 60)).toEqual({ verdict: 'remove' });
  expect(reservationVerdict(host(1, 'u0'), undefined, now, 60)).toEqual({ verdict: 'remove' });
});

test('an update that the virtual API server has not stored yet is waited for, but not for long', () => {
  const given = { type: 'NodePort', ...addresses, ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }] };
  const before = { type: 'ClusterIP', ...addresses, ports: [{ port: 80, protocol: 'TCP' }] };
  expect(reservationVerdict(host(1, 'u1', given), virtual(before), now, 60)).toEqual({
    verdict: 'wait',
    afterMs: 9_000,
  });
  expect(reservationVerdict(host(1, 'u1', given), virtual(given), now, 60)).toEqual({ verdict: 'adopt' });
  expect(reservationVerdict(host(11, 'u1', given), virtual(before), now, 60)).toEqual({ verdict: 'adopt' });
});

test('a time that cannot be read, or lies far ahead, never holds a Service', () => {
  const nonsense: Service = { metadata: { annotations: { [ANNOTATIONS.reservation]: 'soon' } }, spec: addresses };
  expect(reservationAge(nonsense, now)).toBe(Infinity);
  expect(reservationVerdict(nonsense, undefined, now, 60)).toEqual({ verdict: 'remove' });
  expect(reservationVerdict(host(-3600), undefined, now, 60)).toEqual({ verdict: 'remove' });
  expect(reservationVerdict(host(-2), undefined, now, 60)).toEqual({ verdict: 'wait', afterMs: 60_000 });
});

test('adoption writes the UID, ends the reservation, and only on the state that was judged', () => {
  const reserved = host(1);
  expect(adoption(reserved, reserved, 'u1')).toMatchObject({
    metadata: { resourceVersion: '7', annotations: { [ANNOTATIONS.uid]: 'u1', [ANNOTATIONS.reservation]: null } },
  });
});
