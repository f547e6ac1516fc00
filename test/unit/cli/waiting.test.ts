import type { ContainerStatus, Event, Pod } from 'kubernetes-types/core/v1';
import { eventLine, isReady, lastEvent, waitingFor } from '../../../cli/waiting';

const container = (name: string, status: Partial<ContainerStatus>): ContainerStatus => ({
  name,
  image: `registry/${name}:1`,
  imageID: '',
  ready: false,
  restartCount: 0,
  ...status,
});
const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const done = { terminated: { exitCode: 0 } };
const pod = (status: NonNullable<Pod['status']>, nodeName: string | undefined = 'node-1'): Pod => ({
  metadata: { name: 'my-vc1-0' },
  spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
  status,
});
const all = (changes: Readonly<Record<string, Partial<ContainerStatus>>>): Pod =>
  pod({
    initContainerStatuses: [container('pki', { state: done })],
    containerStatuses: ['etcd', 'kube-apiserver', 'syncer', 'kube-controller-manager'].map((name) =>
      container(name, { ready: true, state: running, ...changes[name] }),
    ),
  });

test.each<[string, Pod[], string]>([
  ['no pod', [], 'pod my-vc1-0 to be made'],
  [
    'no room',
    [
      {
        metadata: { name: 'my-vc1-0' },
        status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }] },
      },
    ],
    'pod my-vc1-0: a node (0/1 nodes are available)',
  ],
  [
    'images',
    [pod({ initContainerStatuses: [container('pki', { state: { waiting: { reason: 'PodInitializing' } } })] })],
    'pod my-vc1-0: image of pki to be pulled, or its volumes',
  ],
  [
    'an image that is not there',
    [
      pod({
        initContainerStatuses: [
          container('pki', { state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }),
        ],
      }),
    ],
    'pod my-vc1-0: image registry/pki:1 cannot be pulled (not found)',
  ],
  [
    'certificates',
    [pod({ initContainerStatuses: [container('pki', { state: running })] })],
    'pod my-vc1-0: certificates to be made',
  ],
  [
    'the API',
    [all({ 'kube-apiserver': { ready: false }, syncer: { ready: false } })],
    'pod my-vc1-0: the API server to answer',
  ],
  ['the syncer', [all({ syncer: { ready: false } })], 'pod my-vc1-0: the syncer to write the kubeconfig'],
  [
    'a container that crashes, before what only takes its time',
    [
      all({
        'kube-apiserver': { ready: false },
        syncer: {
          ready: false,
          restartCount: 2,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 1 } },
        },
      }),
    ],
    'pod my-vc1-0: container syncer ended with code 1, and is started again (2 times so far)',
  ],
  ['the old pod', [{ metadata: { name: 'my-vc1-0', deletionTimestamp: 'x' } }], 'pod my-vc1-0: the old one to end'],
])('what a control plane waits for: %s', (_case, pods, text) => expect(waitingFor(pods, 'my-vc1-0')).toBe(text));

test('a pod is ready by its condition alone', () => {
  expect(isReady(pod({ conditions: [{ type: 'Ready', status: 'True' }] }))).toBe(true);
  expect(isReady(pod({ conditions: [{ type: 'Ready', status: 'False' }] }))).toBe(false);
  expect(isReady({})).toBe(false);
});

test('the newest event of the named objects, in one line', () => {
  const event = (name: string, time: string, message: string): Event => ({
    metadata: {},
    type: 'Warning',
    reason: 'Failed',
    message,
    lastTimestamp: time,
    involvedObject: { kind: 'Pod', name },
  });
  const events = [
    event('my-vc1-0', '2026-01-01T00:00:02Z', 'no such\n  image'),
    event('my-vc1-0', '2026-01-01T00:00:01Z', 'old'),
    event('other', '2026-01-01T00:00:09Z', 'theirs'),
  ];
  const last = lastEvent(events, new Set(['my-vc1-0']));
  expect(last && eventLine(last)).toBe('warning: Pod my-vc1-0: Failed: no such image');
  expect(lastEvent(events, new Set(['none']))).toBeUndefined();
});
