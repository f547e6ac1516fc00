import type { Pod } from 'kubernetes-types/core/v1';
import {
  hostEphemeralContainers,
  hostPodPatch,
  hostPodResize,
  translatePod,
  virtualPodStatus,
  withoutHiddenContainer,
} from '../../../syncer/translation';
import { checkPod } from '../../../syncer/policy';
import { contextWith, podWith, refusal, translated } from './fixtures';

const helperImage = 'example.com/syncer:1';
const IMAGE = { helperImage };
const MOUNT = { name: 'nestling-hosts', mountPath: '/etc/hosts', subPath: 'hosts' };
const time = '2026-01-01T00:00:00Z';

const inDbs = (spec: object = {}): Pod => podWith({ hostname: 'db-0', subdomain: 'dbs', ...spec }, { name: 'db-0' });
const ours = (pod: Pod): NonNullable<Pod['spec']>['containers'][0] => translated(pod, IMAGE).spec!.initContainers![0]!;

describe('a pod with a subdomain', () => {
  test('gets an init container that writes /etc/hosts for its own FQDN and addresses', () => {
    const { spec, metadata } = translated(
      inDbs({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b.c'] }, { ip: '::2' }] }),
      IMAGE,
    );
    expect(spec?.initContainers).toMatchObject([
      {
        name: 'nestling-hosts',
        image: helperImage,
        command: ['/pod-hosts', '/nestling/hosts', 'db-0.dbs.shop.svc.cluster.local', 'db-0', '1.2.3.4\ta\tb.c', '::2'],
        env: [{ name: 'POD_IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } }],
        volumeMounts: [{ name: 'nestling-hosts', mountPath: '/nestling' }],
      },
    ]);
    expect(spec?.volumes).toEqual([{ name: 'nestling-hosts', emptyDir: {} }]);
    expect(spec?.containers[0]?.volumeMounts).toEqual([MOUNT]);
    expect(spec?.hostname).toBe('db-0');
    expect(spec).not.toHaveProperty('subdomain');
    expect(metadata?.annotations?.['nestling.dev/hosts-container']).toBe('nestling-hosts');
  });

  test('has it before its own init containers, all of which see the file, but for what mounts one of its own', () => {
    const own = { name: 'own', mountPath: '/etc/hosts', subPath: 'my-hosts' };
    const pod = inDbs({
      initContainers: [
        { name: 'sidecar', image: 'a', restartPolicy: 'Always' },
        { name: 'init', image: 'a', volumeMounts: [own] },
      ],
      volumes: [{ name: 'own', emptyDir: {} }],
    });
    const { initContainers, volumes } = translated(pod, IMAGE).spec!;
    expect(initContainers?.map(({ name, volumeMounts }) => [name, volumeMounts])).toEqual([
      ['nestling-hosts', [{ name: 'nestling-hosts', mountPath: '/nestling' }]],
      ['sidecar', [MOUNT]],
      ['init', [own]],
    ]);
    expect(volumes?.map(({ name }) => name)).toEqual(['own', 'nestling-hosts']);
    expect(pod.spec?.initContainers).toHaveLength(2);
    expect(pod.spec?.containers[0]).not.toHaveProperty('volumeMounts');
  });

  test('keeps names that it uses itself', () => {
    const pod = inDbs({
      containers: [{ name: 'nestling-hosts', image: 'a' }],
      initContainers: [{ name: 'nestling-hosts-2', image: 'a' }],
      volumes: [{ name: 'nestling-hosts', emptyDir: {} }],
    });
    const { metadata, spec } = translated(pod, IMAGE);
    expect(spec?.initContainers?.map(({ name }) => name)).toEqual(['nestling-hosts-3', 'nestling-hosts-2']);
    expect(spec?.volumes?.map(({ name }) => name)).toEqual(['nestling-hosts', 'nestling-hosts-2']);
    expect(metadata?.annotations?.['nestling.dev/hosts-container']).toBe('nestling-hosts-3');
  });

  test('asks for no more than its first container does, and for nothing that only that can use', () => {
    const resources = {
      requests: { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': '1', 'hugepages-2Mi': '4Mi' },
      limits: { cpu: '2', 'ephemeral-storage': '1Gi', 'nvidia.com/gpu': '1' },
      claims: [{ name: 'c' }],
    };
    const containers = [
      { name: 'a', image: 'a', resources },
      { name: 'b', image: 'b' },
    ];
    expect(ours(inDbs({ containers })).resources).toEqual({
      requests: { cpu: '1', memory: '1Gi' },
      limits: { cpu: '2', 'ephemeral-storage': '1Gi' },
    });
    expect(ours(inDbs())).not.toHaveProperty('resources');
  });

  test('meets the restricted standard when its own containers do', () => {
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
    const spec = {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'main', image: 'a', securityContext }],
    };
    expect(checkPod(translated(inDbs(spec), IMAGE), 'restricted')).toEqual([]);
    const init = [
      { name: 'good', image: 'a', securityContext },
      { name: 'bad', image: 'a' },
    ];
    const violations = checkPod(translated(inDbs({ ...spec, initContainers: init }), IMAGE), 'restricted');
    expect(new Set(violations.map(({ field }) => field.split('.').slice(0, 2).join('.')))).toEqual(
      new Set(['spec.initContainers[1]']),
    );
  });

  test('is never patched for it', () => {
    const pod = inDbs({ initContainers: [{ name: 'init', image: 'a' }] });
    const host = translated(pod, IMAGE);
    expect(hostPodPatch(pod, host, contextWith(IMAGE))).toBeUndefined();
    expect(hostPodResize(pod, host)).toBeUndefined();
  });

  test('that wants its FQDN as host name has it', () => {
    const { spec } = translated(inDbs({ setHostnameAsFQDN: true }), IMAGE);
    expect(spec).toMatchObject({ hostname: 'db-0', hostnameOverride: 'db-0.dbs.shop.svc.cluster.local' });
    expect(spec).not.toHaveProperty('setHostnameAsFQDN');
    const dotted = podWith({ subdomain: 'dbs', setHostnameAsFQDN: true }, { name: 'a.b' });
    expect(translated(dotted, IMAGE).spec).toMatchObject({ hostnameOverride: 'a.b.dbs.shop.svc.cluster.local' });
    const long = podWith({ subdomain: 'd'.repeat(60), setHostnameAsFQDN: true });
    expect(refusal(translatePod(long, contextWith()))).toMatch(
      /^Unsupported: spec\.setHostnameAsFQDN makes web\.d+\.shop\.svc\.cluster\.local the host name/,
    );
  });
});

describe('no init container is added', () => {
  test.each([
    ['without a subdomain', { subdomain: undefined }],
    ['on the host’s network', { hostNetwork: true }],
    ['with a host name of its own choice', { hostnameOverride: 'a.b' }],
    ['on Windows', { os: { name: 'windows' } }],
  ])('to a pod %s', (_what, spec) => {
    const host = translated(inDbs(spec), IMAGE);
    expect(host.spec).not.toHaveProperty('initContainers');
    expect(host.spec).not.toHaveProperty('volumes');
    expect(host.metadata?.annotations).not.toHaveProperty(['nestling.dev/hosts-container']);
  });

  test('where there is no image for it', () => {
    expect(translated(inDbs()).spec).not.toHaveProperty('initContainers');
  });

  test('and an ephemeral container has the node’s file, as the API lets it mount no single file', () => {
    const pod = inDbs({ ephemeralContainers: [{ name: 'debug', image: 'a' }] });
    const added = hostEphemeralContainers(pod, translated(pod, IMAGE), contextWith(IMAGE));
    expect(added?.ok && added.object.spec?.ephemeralContainers?.[0]).not.toHaveProperty('volumeMounts');
  });
});

describe('the tenant does not see the init container', () => {
  const waiting = (reason: string, message?: string): object => ({ waiting: { reason, ...(message && { message }) } });
  const hidden = (state: object): object => ({ name: 'nestling-hosts', ready: false, restartCount: 0, state });
  const initialized = (status: string, more: object = {}): object => ({
    type: 'Initialized',
    status,
    lastTransitionTime: '2026-01-01T00:00:05Z',
    ...more,
  });
  const seen = (pod: Pod, status: object): Pod['status'] =>
    virtualPodStatus({ ...translated(pod, IMAGE), status } as Pod, pod);

  test('in a pod without others, which is initialized from its start', () => {
    const incomplete = initialized('False', {
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [nestling-hosts]',
    });
    const main = { name: 'main', state: waiting('PodInitializing') };
    const status = { startTime: time, initContainerStatuses: [hidden(waiting('PodInitializing'))] };
    const expected = { type: 'Initialized', status: 'True', lastTransitionTime: time };
    expect(seen(inDbs(), { ...status, conditions: [incomplete], containerStatuses: [main] })).toEqual({
      startTime: time,
      conditions: [expected],
      containerStatuses: [{ name: 'main', state: waiting('ContainerCreating') }],
    });
    // Nothing is left to write when it really is.
    expect(seen(inDbs(), { startTime: time, conditions: [initialized('True')] })?.conditions).toEqual([expected]);
  });

  test('beside others, which are waited for', () => {
    const pod = inDbs({ initContainers: [{ name: 'init', image: 'a' }] });
    const status = seen(pod, {
      conditions: [initialized('False', { message: 'containers with incomplete status: [nestling-hosts init]' })],
      initContainerStatuses: [hidden({ running: {} }), { name: 'init', state: waiting('PodInitializing') }],
    });
    expect(status?.initContainerStatuses).toEqual([{ name: 'init', state: waiting('PodInitializing') }]);
    expect(status?.conditions).toMatchObject([
      { status: 'False', message: 'containers with incomplete status: [init]' },
    ]);
  });

  test.each([
    ['ImagePullBackOff', waiting('ImagePullBackOff', 'secret registry')],
    ['OOMKilled', { terminated: { exitCode: 137, reason: 'OOMKilled' } }],
  ])('but its trouble, %s, as what the others wait for', (reason, state) => {
    const status = seen(inDbs(), {
      initContainerStatuses: [hidden(state)],
      containerStatuses: [{ name: 'main', state: waiting('PodInitializing') }],
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'ContainerCreating',
      message: `the platform cannot write the pod's /etc/hosts (${reason}); it tries again, and if it does not succeed, tell its operator`,
    });
  });

  test('in what the host says against the pod', () => {
    const host = translated(inDbs({ initContainers: [{ name: 'init', image: 'a' }] }), IMAGE);
    expect(withoutHiddenContainer('must specify limits.cpu for: init,main,nestling-hosts', host)).toBe(
      'must specify limits.cpu for: init,main',
    );
    expect(withoutHiddenContainer('must specify limits.cpu for: nestling-hosts,main', host)).toBe(
      'must specify limits.cpu for: main',
    );
    expect(withoutHiddenContainer('spec.initContainers[1].image: Required value', host)).toBe(
      'spec.initContainers[0].image: Required value',
    );
  });
});
