import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { checkPod, checkService } from '../../../syncer/policy';

const podWith = (spec: object, container: object = {}): Pod => ({
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'main', image: 'a', ...container }], ...spec } as PodSpec,
});
/** Passes `restricted`. */
const restrictedPod = (spec: object = {}, securityContext: object = {}): Pod =>
  podWith(
    { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, ...spec },
    { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, ...securityContext } },
  );
const fields = (pod: Pod, level: 'baseline' | 'restricted'): string[] => checkPod(pod, level).map(({ field }) => field);
const secure = (securityContext: object): Pod => podWith({}, { securityContext });

const baseline: [string, Pod, string][] = [
  ['the host network', podWith({ hostNetwork: true }), 'spec.hostNetwork'],
  ['the host’s processes', podWith({ hostPID: true }), 'spec.hostPID'],
  ['the host’s IPC', podWith({ hostIPC: true }), 'spec.hostIPC'],
  ['privileged containers', secure({ privileged: true }), 'spec.containers[0].securityContext.privileged'],
  [
    'capabilities',
    secure({ capabilities: { add: ['CHOWN', 'NET_RAW'] } }),
    'spec.containers[0].securityContext.capabilities.add[1]',
  ],
  [
    'host ports',
    podWith({}, { ports: [{ containerPort: 1 }, { containerPort: 2, hostPort: 2 }] }),
    'spec.containers[0].ports[1].hostPort',
  ],
  [
    'probes of other hosts',
    podWith({}, { livenessProbe: { httpGet: { host: '169.254.169.254', port: 80 } } }),
    'spec.containers[0].livenessProbe.httpGet.host',
  ],
  [
    'hooks of other hosts',
    podWith({}, { lifecycle: { preStop: { tcpSocket: { host: '10.0.0.1', port: 80 } } } }),
    'spec.containers[0].lifecycle.preStop.tcpSocket.host',
  ],
  [
    'AppArmor off',
    secure({ appArmorProfile: { type: 'Unconfined' } }),
    'spec.containers[0].securityContext.appArmorProfile.type',
  ],
  [
    'SELinux types',
    podWith({ securityContext: { seLinuxOptions: { type: 'spc_t' } } }),
    'spec.securityContext.seLinuxOptions.type',
  ],
  [
    'SELinux users',
    secure({ seLinuxOptions: { user: 'root' } }),
    'spec.containers[0].securityContext.seLinuxOptions.user',
  ],
  [
    'SELinux roles',
    secure({ seLinuxOptions: { role: 'r' } }),
    'spec.containers[0].securityContext.seLinuxOptions.role',
  ],
  ['an unmasked /proc', secure({ procMount: 'Unmasked' }), 'spec.containers[0].securityContext.procMount'],
  [
    'seccomp off',
    podWith({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    'spec.securityContext.seccompProfile.type',
  ],
  [
    'sysctls',
    podWith({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    'spec.securityContext.sysctls[0].name',
  ],
  [
    'Windows host processes',
    secure({ windowsOptions: { hostProcess: true } }),
    'spec.containers[0].securityContext.windowsOptions.hostProcess',
  ],
  ['host paths', podWith({ volumes: [{ name: 'a', hostPath: { path: '/' } }] }), 'spec.volumes[0].hostPath'],
  ['git volumes', podWith({ volumes: [{ name: 'a', gitRepo: { repository: 'x' } }] }), 'spec.volumes[0].gitRepo'],
  ['FlexVolumes', podWith({ volumes: [{ name: 'a', flexVolume: { driver: 'x' } }] }), 'spec.volumes[0].flexVolume'],
  ['in-tree drivers', podWith({ volumes: [{ name: 'a', nfs: { server: 'x', path: '/' } }] }), 'spec.volumes[0].nfs'],
  ['inline CSI volumes', podWith({ volumes: [{ name: 'a', csi: { driver: 'x' } }] }), 'spec.volumes[0].csi.driver'],
];

describe('the baseline policy', () => {
  test.each(baseline)('forbids %s, naming the field and a remedy', (_what, pod, field) => {
    const [violation, ...others] = checkPod(pod, 'baseline');
    expect(others).toEqual([]);
    expect(violation).toMatchObject({ field, level: 'baseline' });
    expect(violation?.message).toMatch(/ is .*, which the baseline policy forbids; .+/);
    expect(violation?.message.startsWith(field)).toBe(true);
    expect(fields(pod, 'restricted')).toContain(field);
    expect(checkPod(pod, 'privileged')).toEqual([]);
  });

  test('looks at init and ephemeral containers too', () => {
    const bad = { name: 'b', image: 'a', securityContext: { privileged: true } };
    expect(fields(podWith({ initContainers: [bad], ephemeralContainers: [bad] }), 'baseline')).toEqual([
      'spec.initContainers[0].securityContext.privileged',
      'spec.ephemeralContainers[0].securityContext.privileged',
    ]);
  });

  test('names every violation, not only the first', () => {
    expect(
      fields(podWith({ hostPID: true, hostIPC: true, volumes: [{ name: 'a', hostPath: { path: '/' } }] }), 'baseline'),
    ).toEqual(['spec.hostPID', 'spec.hostIPC', 'spec.volumes[0].hostPath']);
  });

  test.each([
    ['an ordinary pod', podWith({})],
    ['root and escalation', secure({ runAsUser: 0, allowPrivilegeEscalation: true, capabilities: { add: ['CHOWN'] } })],
    [
      'an unmasked /proc in a user namespace',
      podWith({ hostUsers: false }, { securityContext: { procMount: 'Unmasked' } }),
    ],
    [
      'local profiles',
      secure({
        seccompProfile: { type: 'Localhost', localhostProfile: 'a' },
        appArmorProfile: { type: 'RuntimeDefault' },
      }),
    ],
    [
      'probes of the pod itself',
      podWith({}, { readinessProbe: { httpGet: { port: 80 }, tcpSocket: { host: '', port: 1 } } }),
    ],
    ['safe sysctls', podWith({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } })],
    [
      'volumes that reach nothing else',
      podWith({
        volumes: ['configMap', 'downwardAPI', 'emptyDir', 'image', 'persistentVolumeClaim', 'projected', 'secret'].map(
          (type) => ({
            name: type.toLowerCase(),
            [type]: {},
          }),
        ),
      }),
    ],
  ])('allows %s', (_what, pod) => expect(checkPod(pod, 'baseline')).toEqual([]));

  test('allows inline volumes of CSI drivers that the platform names', () => {
    const pod = podWith({ volumes: [{ name: 'a', csi: { driver: 'secrets-store.csi.k8s.io' } }] });
    expect(checkPod(pod, 'baseline', { allowedCSIDrivers: ['secrets-store.csi.k8s.io'] })).toEqual([]);
    const [refused] = checkPod(pod, 'baseline', { allowedCSIDrivers: ['k8s.io', 'csi.k8s.io'] });
    expect(refused?.message).toBe(
      'spec.volumes[0].csi.driver is "secrets-store.csi.k8s.io", which the baseline policy forbids; ' +
        'use a persistentVolumeClaim, or ask the operator of the host to allow this driver',
    );
  });

  test('holds what is restricted to the same drivers, as the standard allows all', () => {
    const pod = restrictedPod({ volumes: [{ name: 'a', csi: { driver: 'secrets-store.csi.k8s.io' } }] });
    expect(fields(pod, 'restricted')).toEqual(['spec.volumes[0].csi.driver']);
    expect(checkPod(pod, 'restricted', { allowedCSIDrivers: ['secrets-store.csi.k8s.io'] })).toEqual([]);
    expect(checkPod(pod, 'privileged')).toEqual([]);
  });
});

describe('the restricted policy', () => {
  test('allows a pod that asks for little', () => {
    expect(checkPod(restrictedPod(), 'restricted')).toEqual([]);
    expect(
      checkPod(restrictedPod({}, { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }), 'restricted'),
    ).toEqual([]);
  });

  test('tells what an ordinary pod lacks', () => {
    expect(fields(podWith({}), 'restricted')).toEqual([
      'spec.containers[0].securityContext.allowPrivilegeEscalation',
      'spec.containers[0].securityContext.runAsNonRoot',
      'spec.containers[0].securityContext.seccompProfile.type',
      'spec.containers[0].securityContext.capabilities.drop',
    ]);
    expect(checkPod(podWith({}), 'restricted')[0]?.message).toBe(
      'spec.containers[0].securityContext.allowPrivilegeEscalation is not set, which the restricted policy forbids; set it to false',
    );
  });

  test.each([
    [
      'escalation',
      restrictedPod({}, { allowPrivilegeEscalation: true }),
      'spec.containers[0].securityContext.allowPrivilegeEscalation',
    ],
    [
      'root by a container',
      restrictedPod({}, { runAsNonRoot: false }),
      'spec.containers[0].securityContext.runAsNonRoot',
    ],
    ['user 0', restrictedPod({}, { runAsUser: 0 }), 'spec.containers[0].securityContext.runAsUser'],
    [
      'capabilities',
      restrictedPod({}, { capabilities: { drop: ['ALL'], add: ['CHOWN'] } }),
      'spec.containers[0].securityContext.capabilities.add[0]',
    ],
    [
      'an unmasked /proc, even in a user namespace',
      restrictedPod({ hostUsers: false }, { procMount: 'Unmasked' }),
      'spec.containers[0].securityContext.procMount',
    ],
  ])('forbids %s', (_what, pod, field) => expect(fields(pod, 'restricted')).toEqual([field]));

  test('allows root in a user namespace', () => {
    expect(checkPod(restrictedPod({ hostUsers: false }, { runAsUser: 0, runAsNonRoot: false }), 'restricted')).toEqual(
      [],
    );
  });

  test('asks of Windows pods only what they can set', () => {
    expect(
      checkPod(podWith({ os: { name: 'windows' }, securityContext: { runAsNonRoot: true } }), 'restricted'),
    ).toEqual([]);
  });
});

describe('external names', () => {
  const check = (externalName: string): number =>
    checkService({ spec: { type: 'ExternalName', externalName } }, 'baseline', { hostClusterDomain: 'cluster.local' })
      .length;

  test.each(['db.example.com', 'cluster.local.example.com', 'mycluster.local'])('allow %s', (name) =>
    expect(check(name)).toBe(0),
  );

  test.each([
    'kubernetes.default.svc.cluster.local',
    'A.B.SVC.CLUSTER.LOCAL.',
    'cluster.local',
    'db.other.svc',
    'localhost',
    'metadata',
    '169.254.169.254',
    'fd00::1',
  ])('refuse %s', (name) => expect(check(name)).toBe(1));

  test('are no matter of other Services, nor of the privileged level', () => {
    const service = { spec: { type: 'ClusterIP', externalName: 'localhost' } };
    expect(checkService(service, 'baseline', { hostClusterDomain: 'cluster.local' })).toEqual([]);
    expect(
      checkService({ spec: { ...service.spec, type: 'ExternalName' } }, 'privileged', {
        hostClusterDomain: 'cluster.local',
      }),
    ).toEqual([]);
  });
});
