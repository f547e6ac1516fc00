import type { Pod } from 'kubernetes-types/core/v1';
import { hostEphemeralContainers, hostPodPatch, hostPodResize } from '../../../syncer/translation';
import { contextWith, podWith, refusal, translated, unwrap } from './fixtures';

const context = contextWith({ namespaceLabels: { env: 'prod' } });
const virtual = podWith(
  { containers: [{ name: 'main', image: 'a:1', resources: { limits: { cpu: '1' } } }], tolerations: [{ key: 'a' }] },
  { labels: { app: 'web' } },
);

/** The host pod with what others added to it. */
function hostPod(): Pod {
  const pod = structuredClone(translated(virtual, { namespaceLabels: { env: 'prod' } }));
  pod.metadata = {
    ...pod.metadata,
    uid: 'host-uid',
    labels: { ...pod.metadata?.labels, 'platform/label': 'x' },
    annotations: { ...pod.metadata?.annotations, 'cni/ip': 'y' },
  };
  pod.spec!.containers.push({ name: 'injected', image: 'proxy' });
  pod.spec!.tolerations!.push({ key: 'node.kubernetes.io/not-ready' });
  pod.spec!.containers[0]!.resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1' } };
  return pod;
}

describe('the patch of a host pod', () => {
  test('is empty when nothing changed, whatever others added', () => {
    expect(hostPodPatch(virtual, hostPod(), context)).toBeUndefined();
    expect(hostPodResize(virtual, hostPod())).toBeUndefined();
  });

  test('brings labels, those of the namespace, images, deadlines and new tolerations', () => {
    const changed = podWith(
      { containers: [{ name: 'main', image: 'a:2' }], tolerations: [{ key: 'b' }], activeDeadlineSeconds: 9 },
      { labels: { app: 'shop', new: '1' } },
    );
    const patch = hostPodPatch(changed, hostPod(), contextWith({ namespaceLabels: { team: 'red' } }));
    expect(patch).toEqual({
      metadata: {
        uid: 'host-uid',
        labels: {
          'label.nestling.dev/app': 'shop',
          'label.nestling.dev/new': '1',
          'namespace-label.nestling.dev/team': 'red',
          'namespace-label.nestling.dev/env': null,
        },
      },
      spec: {
        containers: [{ name: 'main', image: 'a:2' }],
        activeDeadlineSeconds: 9,
        tolerations: [{ key: 'a' }, { key: 'node.kubernetes.io/not-ready' }, { key: 'b' }],
      },
    });
  });

  test('resizes what differs and keeps what the host added', () => {
    const changed = podWith({ containers: [{ name: 'main', image: 'a:1', resources: { limits: { cpu: '2' } } }] });
    expect(hostPodResize(changed, hostPod())).toEqual({
      metadata: { uid: 'host-uid' },
      spec: { containers: [{ name: 'main', resources: { limits: { cpu: '2' } } }] },
    });
  });
});

describe('ephemeral containers', () => {
  const debug = {
    name: 'debug',
    image: 'busybox',
    targetContainerName: 'main',
    env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'a' } } }],
  };
  const withDebug = podWith({ ephemeralContainers: [debug] });

  test('are not part of a new host pod', () => {
    expect(translated(withDebug).spec).not.toHaveProperty('ephemeralContainers');
  });

  test('are added translated, once', () => {
    const host = hostPod();
    const patch = unwrap(hostEphemeralContainers(withDebug, host, context)!);
    const [added] = patch.spec!.ephemeralContainers!;
    expect(added).toMatchObject({ name: 'debug', targetContainerName: 'main' });
    expect(added?.env?.map(({ name }) => name)).toContain('KUBERNETES_SERVICE_HOST');
    expect(added?.env?.at(-1)?.valueFrom?.secretKeyRef?.name).toBe('key-x-shop-x-my-vc');
    host.spec!.ephemeralContainers = [added!];
    expect(hostEphemeralContainers(withDebug, host, context)).toBeUndefined();
  });

  test('with fields that cannot be had are refused', () => {
    const bad = podWith({ ephemeralContainers: [{ ...debug, newField: 1 }] });
    expect(refusal(hostEphemeralContainers(bad, hostPod(), context)!)).toMatch('spec.ephemeralContainers[0].newField');
  });
});
