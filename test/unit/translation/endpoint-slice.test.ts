import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { ownedBy, serviceOfSlice, translateEndpointSlice, type EndpointPod } from '../../../syncer/translation';
import { anchor, identity, refusal, unwrap } from './fixtures';

const pod: EndpointPod = {
  virtual: { namespace: 'shop', name: 'web-0' },
  name: 'web-0-x-shop-x-my-vc',
  uid: 'host-uid',
  nodeName: 'node-1',
};
const context = { identity, anchor, podsAt: (address: string) => (address === '10.244.0.7' ? [pod] : []) };

const slice = (endpoints: readonly Endpoint[], more: object = {}): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-abc', namespace: 'shop', uid: 'u', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [...endpoints],
  ...more,
});
const host = (endpoints: readonly Endpoint[], more: object = {}): EndpointSlice =>
  unwrap(translateEndpointSlice(slice(endpoints, more), context));

test('a slice belongs to the twin of its Service, and to no controller of the host', () => {
  const { metadata } = host([]);
  expect(metadata).toMatchObject({ name: 'web-abc-x-shop-x-my-vc', namespace: 'team-a' });
  expect(metadata?.labels).toEqual({
    'kubernetes.io/service-name': 'web-x-shop-x-my-vc',
    'endpointslice.kubernetes.io/managed-by': 'nestling.dev',
    'nestling.dev/virtual-cluster': 'my-vc',
    'nestling.dev/namespace': 'shop',
    [Object.keys(metadata?.labels ?? {}).find((key) => key.includes('service-name-x-')) ?? '']: 'web',
  });
  expect(ownedBy(host([]), identity)).toEqual({ kind: 'EndpointSlice', namespace: 'shop', name: 'web-abc', uid: 'u' });
});

test('the name of a Service that is too long for a label is the short one that its twin has', () => {
  const name = 'a'.repeat(63);
  const { metadata } = host([], { metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': name } } });
  expect(metadata?.labels?.['kubernetes.io/service-name']).toMatch(/^a{52}-[0-9a-f]{10}$/);
});

test('labels and annotations of ours that a tenant sets never arrive as ours', () => {
  const labels = {
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'service.kubernetes.io/service-proxy-name': 'theirs',
    'nestling.dev/virtual-cluster': 'other',
    'nestling.dev/namespace': 'kube-system',
  };
  const annotations = { 'nestling.dev/uid': 'forged', 'nestling.dev/name': 'forged' };
  const { metadata } = host([], { metadata: { name: 'web-abc', namespace: 'shop', uid: 'u', labels, annotations } });
  const ours = Object.entries(metadata?.labels ?? {}).filter(([key]) => !key.startsWith('label.nestling.dev/'));
  expect(Object.fromEntries(ours)).toEqual({
    'kubernetes.io/service-name': 'web-x-shop-x-my-vc',
    'endpointslice.kubernetes.io/managed-by': 'nestling.dev',
    'nestling.dev/virtual-cluster': 'my-vc',
    'nestling.dev/namespace': 'shop',
  });
  expect(metadata?.annotations).toEqual({
    'nestling.dev/kind': 'EndpointSlice',
    'nestling.dev/name': 'web-abc',
    'nestling.dev/namespace': 'shop',
    'nestling.dev/uid': 'u',
  });
});

test('a pod and its node are named as on the host where the address is that pod’s', () => {
  const targetRef = { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'virtual', resourceVersion: '7' };
  const [endpoint] = host([{ addresses: ['10.244.0.7'], nodeName: 'node-1', targetRef }]).endpoints;
  expect(endpoint).toEqual({
    addresses: ['10.244.0.7'],
    nodeName: 'node-1',
    targetRef: { kind: 'Pod', namespace: 'team-a', name: 'web-0-x-shop-x-my-vc', uid: 'host-uid' },
  });
  const [near] = host([{ addresses: ['10.244.0.7'], targetRef: { kind: 'Pod', name: 'web-0' } }]).endpoints;
  expect(near?.targetRef).toMatchObject({ namespace: 'team-a', name: 'web-0-x-shop-x-my-vc' });
});

test.each([
  ['of another name', { kind: 'Pod', namespace: 'shop', name: 'web-1' }],
  ['of another namespace', { kind: 'Pod', namespace: 'other', name: 'web-0' }],
  ['of another kind', { kind: 'Service', namespace: 'shop', name: 'web-0' }],
])('a reference to an object %s is left out, and a node that the pod is not on', (_, targetRef) => {
  const [endpoint] = host([{ addresses: ['10.244.0.7'], nodeName: 'node-2', targetRef }]).endpoints;
  expect(endpoint).toEqual({ addresses: ['10.244.0.7'] });
});

test('nothing is said of pod or node where no own pod has the address', () => {
  const targetRef = { kind: 'Pod', namespace: 'shop', name: 'web-0' };
  const [endpoint] = host([{ addresses: ['10.244.0.8'], nodeName: 'node-1', targetRef }]).endpoints;
  expect(endpoint).toEqual({ addresses: ['10.244.0.8'] });
});

test('all else is kept: conditions, zone, hints, host name, ports', () => {
  const endpoint = {
    addresses: ['10.244.0.7'],
    conditions: { ready: true, serving: true, terminating: false },
    hostname: 'web-0',
    zone: 'a',
    hints: { forZones: [{ name: 'a' }] },
  };
  const ports = [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }];
  expect(host([endpoint], { ports })).toMatchObject({ addressType: 'IPv4', endpoints: [endpoint], ports });
});

test('a field that is not known refuses the slice with its path', () => {
  const endpoint = { addresses: [], weight: 1 } as Endpoint;
  expect(refusal(translateEndpointSlice(slice([endpoint]), context))).toMatch(
    /^Unsupported: endpoints\[0\]\.weight is a field/,
  );
});

test('a slice tells its Service by a label, or has none', () => {
  expect(serviceOfSlice(slice([]))).toBe('shop/web');
  expect(serviceOfSlice({ ...slice([]), metadata: { name: 'a', namespace: 'shop' } })).toBeUndefined();
});
