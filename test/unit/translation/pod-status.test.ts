import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import {
  hostName,
  hostPodStatusPatch,
  translatePod,
  virtualPodStatus,
  virtualPodStatusPatch,
} from '../../../syncer/translation';
import { contextWith, identity, podWith, unwrap } from './fixtures';

const spec = {
  containers: [
    { name: 'main', image: 'nginx:1.22', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'a' } } }] },
  ],
  initContainers: [{ name: 'init', image: 'a' }],
  readinessGates: [{ conditionType: 'shop.example/ready' }],
};
const time = '2026-01-01T00:00:00Z';
const condition = (type: string, status: string, more: object = {}): object => ({
  type,
  status,
  lastTransitionTime: time,
  ...more,
});

function pair(hostStatus: object, virtualStatus: object = {}): [Pod, Pod] {
  const virtual = { ...podWith(spec, { generation: 1 }), status: { qosClass: 'Burstable', ...virtualStatus } } as Pod;
  const host = unwrap(translatePod(virtual, contextWith()));
  return [
    { ...host, metadata: { ...host.metadata, uid: 'host-uid', generation: 4 }, status: hostStatus } as Pod,
    virtual,
  ];
}

/** What an API server makes of a strategic merge patch of a pod's status. */
function patched(virtual: Pod, patch: object | undefined): PodStatus {
  const status = { ...virtual.status } as Record<string, unknown>;
  for (const [key, value] of Object.entries((patch as { status?: object } | undefined)?.status ?? {})) {
    if (key === 'conditions') {
      const conditions = new Map(
        (virtual.status?.conditions ?? []).map((one) => [one.type, { ...one } as Record<string, unknown>]),
      );
      for (const change of value as Record<string, unknown>[]) {
        const type = change['type'] as string;
        if (change['$patch'] === 'delete') conditions.delete(type);
        else {
          const merged = { ...conditions.get(type), ...change };
          for (const field of Object.keys(merged)) if (merged[field] === null) delete merged[field];
          conditions.set(type, merged);
        }
      }
      status[key] = [...conditions.values()];
    } else if (value === null) delete status[key];
    else if (Array.isArray(value)) status[key] = value.filter((one: { $patch?: string }) => one.$patch === undefined);
    else if (typeof value === 'object') {
      const merged = { ...(status[key] as object), ...(value as object) };
      status[key] = Object.fromEntries(Object.entries(merged).filter(([, inner]) => inner !== null));
    } else status[key] = value;
  }
  // Empty lists are not stored.
  return Object.fromEntries(Object.entries(status).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}

const running = {
  phase: 'Running',
  observedGeneration: 4,
  startTime: time,
  hostIP: '10.0.0.1',
  hostIPs: [{ ip: '10.0.0.1' }],
  podIP: '10.1.0.1',
  podIPs: [{ ip: '10.1.0.1' }],
  qosClass: 'BestEffort',
  nominatedNodeName: 'secret-node',
  resourceClaimStatuses: [{ name: 'a' }],
  containerStatuses: [
    {
      name: 'main',
      ready: true,
      restartCount: 0,
      image: 'nginx:1.22',
      imageID: 'i',
      state: { running: { startedAt: time } },
    },
    { name: 'injected', ready: true, restartCount: 0, image: 'proxy', imageID: 'i' },
  ],
  initContainerStatuses: [{ name: 'init', ready: true, restartCount: 0, image: 'a', imageID: 'i' }],
  conditions: [
    condition('Ready', 'True', { lastProbeTime: null, observedGeneration: 4 }),
    condition('shop.example/ready', 'False'),
  ],
};

describe('the status of a virtual pod', () => {
  test('is the host’s, for the containers that the virtual pod has', () => {
    const [host, virtual] = pair(running);
    expect(virtualPodStatus(host, virtual)).toEqual({
      phase: 'Running',
      observedGeneration: 1,
      startTime: time,
      hostIP: '10.0.0.1',
      hostIPs: [{ ip: '10.0.0.1' }],
      podIP: '10.1.0.1',
      podIPs: [{ ip: '10.1.0.1' }],
      qosClass: 'Burstable',
      containerStatuses: [running.containerStatuses[0]],
      initContainerStatuses: running.initContainerStatuses,
      conditions: [condition('Ready', 'True', { observedGeneration: 1 })],
    });
  });

  test('keeps conditions of readiness gates, and those that the host knows nothing of', () => {
    const own = [
      condition('shop.example/ready', 'True'),
      condition('DisruptionTarget', 'True'),
      condition('PodResizePending', 'True'),
    ];
    const [host, virtual] = pair(running, { conditions: own });
    expect(virtualPodStatus(host, virtual).conditions).toEqual([
      condition('Ready', 'True', { observedGeneration: 1 }),
      own[0],
      own[1],
    ]);
    expect(hostPodStatusPatch(virtual, host)).toEqual({
      metadata: { uid: 'host-uid' },
      status: { conditions: [own[0]] },
    });
  });

  test('cannot have a kubelet’s condition overridden by naming it as a readiness gate', () => {
    const [host, virtual] = pair(running, { conditions: [condition('Ready', 'False')] });
    virtual.spec!.readinessGates = [{ conditionType: 'Ready' }];
    expect(virtualPodStatus(host, virtual).conditions).toContainEqual(
      condition('Ready', 'True', { observedGeneration: 1 }),
    );
    expect(hostPodStatusPatch(virtual, host)).toBeUndefined();
  });

  test('speaks of the tenant’s names', () => {
    const secret = hostName(identity, 'shop', 'key');
    const pod = hostName(identity, 'shop', 'web');
    const [host, virtual] = pair({
      message: `Pod ${pod} was evicted`,
      conditions: [
        condition('PodScheduled', 'False', { message: `secret "${secret}" not found in namespace "team-a"` }),
      ],
      containerStatuses: [
        {
          name: 'main',
          state: { waiting: { message: `couldn't find key a in Secret team-a/${secret}` } },
          lastState: { terminated: { exitCode: 1, message: `back-off pod=${pod}_team-a(host-uid)` } },
        },
      ],
    });
    expect(virtualPodStatus(host, virtual)).toEqual({
      qosClass: 'Burstable',
      message: 'Pod web was evicted',
      conditions: [condition('PodScheduled', 'False', { message: 'secret "key" not found in namespace "shop"' })],
      containerStatuses: [
        {
          name: 'main',
          state: { waiting: { message: "couldn't find key a in Secret shop/key" } },
          lastState: { terminated: { exitCode: 1, message: 'back-off pod=web_shop(pod-uid)' } },
        },
      ],
    });
  });

  test('has observed a generation only when the host has seen all of it', () => {
    const [host, virtual] = pair(running, { observedGeneration: 1 });
    const changed: Pod = { ...virtual, metadata: { ...virtual.metadata, generation: 2 } };
    changed.spec = { ...virtual.spec!, containers: [{ ...virtual.spec!.containers[0]!, image: 'nginx:2' }] };
    expect(virtualPodStatus(host, changed)).toMatchObject({ observedGeneration: 1 });
    const behind: Pod = { ...host, metadata: { ...host.metadata, generation: 5 } };
    expect(virtualPodStatus(behind, virtual)).toMatchObject({ observedGeneration: 1 });
    const follows: Pod = { ...host, spec: { ...host.spec!, containers: changed.spec.containers } };
    expect(virtualPodStatus(follows, changed)).toMatchObject({ observedGeneration: 2 });
  });
});

describe('the patch of a virtual pod’s status', () => {
  const steps = [
    {},
    { phase: 'Pending', conditions: [condition('PodScheduled', 'False', { reason: 'Unschedulable', message: 'm' })] },
    {
      phase: 'Pending',
      conditions: [condition('PodScheduled', 'True')],
      podIPs: [{ ip: '10.1.0.9' }, { ip: 'fd00::9' }],
    },
    { ...running, allocatedResources: { cpu: '1', memory: '1Gi' } },
    { ...running, allocatedResources: { cpu: '2' }, conditions: [] },
    { phase: 'Failed', reason: 'Evicted' },
  ];

  test('leads from any status to any other, and then there is nothing more to write', () => {
    for (const from of steps) {
      for (const to of steps) {
        const [first, virtual] = pair(from);
        (virtual as { status: PodStatus }).status = patched(virtual, virtualPodStatusPatch(first, virtual));
        const [host] = pair(to);
        const patch = virtualPodStatusPatch(host, virtual);
        const after: Pod = { ...virtual, status: patched(virtual, patch) };
        expect(after.status).toEqual(virtualPodStatus(host, after));
        expect(virtualPodStatusPatch(host, after)).toBeUndefined();
        if (patch !== undefined) expect(patch).toHaveProperty('metadata.uid', 'pod-uid');
      }
    }
  });

  test('carries only what changed', () => {
    const [host, virtual] = pair(running);
    (virtual as { status: PodStatus }).status = virtualPodStatus(host, virtual);
    const [changed] = pair({ ...running, podIPs: [{ ip: '10.1.0.2' }], podIP: '10.1.0.2' });
    expect(virtualPodStatusPatch(changed, virtual)).toEqual({
      metadata: { uid: 'pod-uid' },
      status: { podIP: '10.1.0.2', podIPs: [{ $patch: 'replace' }, { ip: '10.1.0.2' }] },
    });
  });

  test('is not written because a condition was probed again', () => {
    const [host, virtual] = pair(running);
    (virtual as { status: PodStatus }).status = virtualPodStatus(host, virtual);
    const probed = running.conditions.map((one) => ({ ...one, lastProbeTime: '2026-02-02T00:00:00Z' }));
    const [again] = pair({ ...running, conditions: probed });
    expect(virtualPodStatusPatch(again, virtual)).toBeUndefined();
  });
});
