import type { Node } from 'kubernetes-types/core/v1';
import {
  hostNodeFacts,
  isVirtualNode,
  nodeAddress,
  realNode,
  showsHostNode,
  virtualNode,
  virtualNodePatch,
  virtualNodeStatusPatch,
  withAppliedDigest,
} from '../../../syncer/translation';

const SENSITIVE = 'must-not-be-shown';

/** A node of a host, with everything in it that nodes have. */
const host: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node-1',
    uid: 'host-uid',
    resourceVersion: '7',
    labels: { 'kubernetes.io/hostname': 'real-name', 'example.org/pool': 'gpu', 'nestling.dev/from-host': 'true' },
    annotations: { 'csi.volume.kubernetes.io/nodeid': SENSITIVE },
    finalizers: [SENSITIVE],
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: SENSITIVE, uid: SENSITIVE }],
  },
  spec: {
    providerID: SENSITIVE,
    podCIDR: SENSITIVE,
    podCIDRs: [SENSITIVE],
    externalID: SENSITIVE,
    configSource: { configMap: { name: SENSITIVE, namespace: SENSITIVE, kubeletConfigKey: SENSITIVE } },
    unschedulable: true,
    taints: [
      { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' },
      { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' },
      { key: 'gpu', value: 'yes', effect: 'NoExecute' },
      { key: 'gpu', effect: 'PreferNoSchedule' },
    ],
  },
  status: {
    addresses: [
      { type: 'InternalIP', address: SENSITIVE },
      { type: 'Hostname', address: SENSITIVE },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10999 } },
    capacity: { cpu: '8', memory: '16Gi', 'nvidia.com/gpu': '2' },
    allocatable: { cpu: '7', memory: '15Gi', 'nvidia.com/gpu': '2' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
        lastHeartbeatTime: '2026-01-01T00:05:00Z',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
      { type: 'KernelDeadlock', status: 'False', reason: SENSITIVE, message: SENSITIVE },
    ],
    images: [{ names: [SENSITIVE], sizeBytes: 1 }],
    volumesInUse: [SENSITIVE],
    volumesAttached: [{ name: SENSITIVE, devicePath: SENSITIVE }],
    config: { error: SENSITIVE },
    nodeInfo: {
      architecture: 'arm64',
      bootID: SENSITIVE,
      containerRuntimeVersion: 'containerd://2.1',
      kernelVersion: '6.12',
      kubeProxyVersion: 'v1.36.1',
      kubeletVersion: 'v1.36.1',
      machineID: SENSITIVE,
      operatingSystem: 'linux',
      osImage: 'Debian 13',
      systemUUID: SENSITIVE,
    },
  },
};

const view = (node: Node = host): Node => withAppliedDigest(realNode(hostNodeFacts(node)));
/** As an API server keeps a node that was written. */
const kept = (node: Node): Node => {
  const stored = structuredClone(node);
  stored.metadata = { ...stored.metadata, uid: 'virtual-uid', resourceVersion: '1' };
  for (const condition of stored.status?.conditions ?? []) {
    condition.lastHeartbeatTime ??= null as unknown as string;
    condition.lastTransitionTime ??= null as unknown as string;
  }
  return stored;
};
const fake = virtualNode('node-1', { architecture: 'amd64', kubeletVersion: 'v1.37.2' });

describe('a node with the facts of the host’s', () => {
  test('shows labels, taints, capacity, conditions and versions, and its own address', () => {
    expect(realNode(hostNodeFacts(host))).toEqual({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'real-name', 'example.org/pool': 'gpu' } },
      spec: {
        unschedulable: true,
        taints: [
          { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
          { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
          { key: 'gpu', effect: 'PreferNoSchedule' },
        ],
      },
      status: {
        addresses: [
          { type: 'InternalIP', address: nodeAddress('node-1') },
          { type: 'Hostname', address: 'node-1' },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
        capacity: host.status?.capacity,
        allocatable: host.status?.allocatable,
        conditions: [host.status?.conditions?.[0]],
        nodeInfo: {
          architecture: 'arm64',
          containerRuntimeVersion: 'containerd://2.1',
          kernelVersion: '6.12',
          kubeProxyVersion: 'v1.36.1',
          kubeletVersion: 'v1.36.1',
          operatingSystem: 'linux',
          osImage: 'Debian 13',
          bootID: '',
          machineID: '',
          systemUUID: '',
        },
      },
    });
  });

  test('has nothing of what is not on the list, in the cache neither', () => {
    expect(JSON.stringify(hostNodeFacts(host))).not.toContain(SENSITIVE);
    expect(hostNodeFacts(hostNodeFacts(host))).toEqual(hostNodeFacts(host));
    expect(isVirtualNode(view())).toBe(true);
    expect([view(), fake].map(showsHostNode)).toEqual([true, false]);
  });

  test('needs hardly anything of the host’s', () => {
    expect(realNode(hostNodeFacts({ metadata: { name: 'node-1' } }))).toMatchObject({
      metadata: { name: 'node-1', labels: {} },
      spec: {},
      status: { conditions: [] },
    });
  });
});

describe('what is written to a node', () => {
  const patches = (wanted: Node, actual: Node) => [
    virtualNodePatch(wanted, actual),
    virtualNodeStatusPatch(wanted, actual),
  ];

  test('is nothing when nothing differs, whatever the tenant added and however often the kubelet reports', () => {
    const actual = kept(view());
    actual.metadata!.labels!['by.tenant/own'] = 'yes';
    actual.metadata!.annotations!['by.tenant/own'] = 'yes';
    expect(patches(view(), actual)).toEqual([undefined, undefined]);
    const later = structuredClone(host);
    later.status!.conditions![0]!.lastHeartbeatTime = '2026-01-01T00:10:00Z';
    expect(patches(view(later), actual)).toEqual([undefined, undefined]);
  });

  test('is what the host changed, with the kubelet’s last sign', () => {
    const changed = structuredClone(host);
    changed.metadata!.labels = { 'example.org/pool': 'cpu' };
    changed.spec = { taints: [{ key: 'gpu', effect: 'NoSchedule' }] };
    const ready = { type: 'Ready', status: 'False', lastHeartbeatTime: '2026-01-01T00:10:00Z' };
    changed.status!.conditions = [ready];
    changed.status!.capacity = { cpu: '4' };
    const [object, status] = patches(view(changed), kept(view()));
    expect(object).toMatchObject({
      metadata: { labels: { 'example.org/pool': 'cpu', 'kubernetes.io/hostname': null } },
      spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }], unschedulable: null },
    });
    expect(status).toEqual({ conditions: [ready], capacity: { cpu: '4', memory: null, 'nvidia.com/gpu': null } });
  });

  test('undoes what the tenant did to taints and capacity, and leaves fields that the API lets nobody change', () => {
    const actual = kept(view());
    actual.spec = { ...actual.spec, providerID: 'own', taints: [{ key: 'own', effect: 'NoSchedule' }] };
    actual.status!.capacity = { cpu: '1000' };
    const [object, status] = patches(view(), actual);
    expect(object).toEqual({ spec: { taints: view().spec?.taints } });
    expect(status).toEqual({ capacity: host.status?.capacity });
  });

  test('takes all of the host’s facts away from a node that becomes a fake one', () => {
    const actual = kept(view());
    actual.metadata!.labels!['by.tenant/own'] = 'yes';
    const [object, status] = patches(fake, actual);
    expect(object).toEqual({
      metadata: {
        labels: { ...fake.metadata?.labels, 'example.org/pool': null },
        annotations: { 'nestling.dev/applied': null, 'nestling.dev/applied-keys': null },
      },
      spec: { taints: null, unschedulable: null },
    });
    expect(status).toMatchObject({
      capacity: { ...fake.status?.capacity, 'nvidia.com/gpu': null },
      nodeInfo: { kernelVersion: '', osImage: 'virtual' },
    });
    expect(patches(fake, kept(fake))).toEqual([undefined, undefined]);
  });

  test('is all of the host’s facts for a fake node that becomes a real one', () => {
    const [object, status] = patches(view(), kept(fake));
    expect(object).toMatchObject({ metadata: { labels: { 'example.org/pool': 'gpu' } }, spec: view().spec });
    expect(status).toMatchObject({ capacity: { cpu: '8' }, nodeInfo: { kubeletVersion: 'v1.36.1' } });
  });
});
