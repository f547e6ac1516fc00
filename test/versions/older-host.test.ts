import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { HOST_NAMESPACE } from '../integration/in-process-syncer';
import { TwoClusters } from '../integration/two-clusters';
import { eventually } from '../virtual-cluster/eventually';

/*
 * A virtual cluster of 1.37, with the features switched on whose fields 1.35 does not know, on a host of 1.35.
 */

const FEATURES = [
  'AtomicWriteVolumeUserFields',
  'EmptyDirVolumeMode',
  'GRPCContainerProbeTLS',
  'H2CContainerProbe',
  'VolumeBindMountOptions',
];

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start({
    host: { version: '1.35' },
    virtual: { version: '1.37', flags: [`--feature-gates=${FEATURES.map((feature) => `${feature}=true`).join(',')}`] },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const main = (fields: object): object => ({ containers: [{ name: 'main', image: 'example.org/main:1', ...fields }] });
const data = (fields: object): object => ({ volumes: [{ name: 'data', ...fields }] });
const create = (name: string, spec: object): Promise<Pod> => clusters.createPod(name, spec as Partial<PodSpec>);

/** What the tenant is told of a pod that has no twin, by event and by condition. */
async function refusal(name: string, reason: string): Promise<string | undefined> {
  const { message } = await clusters.event(name, reason);
  const condition = await eventually(`pod ${name} has the condition PodScheduled with reason ${reason}`, async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, name);
    return pod?.status?.conditions?.find((one) => one.type === 'PodScheduled' && one.reason === reason);
  });
  expect(condition).toMatchObject({ status: 'False', message });
  expect(await clusters.twin(resources.pods, name)).toBeUndefined();
  return message;
}

const REFUSED: readonly (readonly [name: string, path: string, spec: object])[] = [
  [
    'http2-probe',
    'spec.containers[0].livenessProbe.httpGet.protocol',
    main({ livenessProbe: { httpGet: { port: 80, protocol: 'HTTP2' } } }),
  ],
  [
    'grpc-tls',
    'spec.containers[0].readinessProbe.grpc.mode',
    main({ readinessProbe: { grpc: { port: 80, mode: 'TLS' } } }),
  ],
  [
    'mount-options',
    'spec.containers[0].volumeMounts[0].bindMountOptions',
    {
      ...data({ emptyDir: {} }),
      ...main({ volumeMounts: [{ name: 'data', mountPath: '/data', bindMountOptions: ['noexec'] }] }),
    },
  ],
  ['empty-dir-mode', 'spec.volumes[0].emptyDir.mode', data({ emptyDir: { mode: 0o700 } })],
  [
    'file-owner',
    'spec.volumes[0].downwardAPI.defaultUser',
    data({
      downwardAPI: { defaultUser: 1000, items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] },
    }),
  ],
];

test.each(REFUSED)('pod %s is refused: the host has no %s', async (name, path, spec) => {
  const created = await create(name, spec);
  // Else the virtual API server dropped it and there would be nothing to refuse.
  expect(JSON.stringify(created.spec)).toContain(`"${path.split('.').at(-1)}":`);
  expect(await refusal(name, 'HostTooOld')).toMatch(`${path} needs Kubernetes 1.37 on the host, which has 1.35; `);
});

test('a pod runs whose fields say what an older host does anyway', async () => {
  await create('as-before', {
    ...data({ emptyDir: { mode: 0o777 } }),
    ...main({
      livenessProbe: { httpGet: { port: 80, protocol: 'HTTP1' } },
      readinessProbe: { grpc: { port: 80, mode: 'Plaintext' } },
    }),
  });
  await clusters.running('as-before');
  const { spec } = (await clusters.twin<Pod>(resources.pods, 'as-before'))!;
  expect(spec?.volumes?.[0]).toEqual({ name: 'data', emptyDir: {} });
  expect(spec?.containers[0]?.livenessProbe?.httpGet).not.toHaveProperty('protocol');
  expect(spec?.containers[0]?.readinessProbe?.grpc).toEqual({ port: 80, service: '' });
});

test('an ephemeral container with such a field is refused, and the pod goes on', async () => {
  await create('debugged', data({ emptyDir: {} }));
  await clusters.running('debugged');
  await clusters.virtual.patch(
    resources.pods,
    { namespace: 'default', name: 'debugged', subresource: 'ephemeralcontainers', type: 'strategic' },
    {
      spec: {
        ephemeralContainers: [
          {
            name: 'debug',
            image: 'example.org/debug:1',
            volumeMounts: [{ name: 'data', mountPath: '/data', bindMountOptions: ['nodev'] }],
          },
        ],
      },
    },
  );
  expect((await clusters.event('debugged', 'HostTooOld')).message).toMatch(
    'spec.ephemeralContainers[0].volumeMounts[0].bindMountOptions needs Kubernetes 1.37 on the host',
  );
  expect((await clusters.twin<Pod>(resources.pods, 'debugged'))?.spec?.ephemeralContainers).toBeUndefined();
});

describe('where the host does not tell its version', () => {
  beforeAll(async () => {
    await clusters.stopSyncer();
    const { host } = clusters;
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'all-but-version' };
    await host.create(resources.clusterRoles, {
      metadata: { name: role.name },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    });
    await host.create(resources.clusterRoleBindings, {
      metadata: { name: role.name },
      roleRef: role,
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'uninformed' }],
    });
    for (const name of ['system:public-info-viewer', 'system:discovery']) {
      await host.delete(resources.clusterRoleBindings, { name });
    }
    const uninformed = new KubeClient(clusters.servers.host.connectionFor('uninformed'), { userAgent: 'test' });
    await eventually('the host does not tell its version to user uninformed', async () => {
      const [version, pods] = await Promise.all([
        uninformed.getText('/version').catch((error: unknown) => error),
        uninformed.list(resources.pods, { namespace: HOST_NAMESPACE }),
      ]);
      return ApiError.is(version, 'Forbidden') && pods;
    });
    await uninformed.close();
    await clusters.startSyncer({}, 'uninformed');
  });

  afterAll(async () => {
    await clusters.stopSyncer();
    await clusters.startSyncer();
  });

  test('strict validation of the host refuses the field, which the tenant is told by its name', async () => {
    await create('strict', data({ emptyDir: { mode: 0o700 } }));
    expect(await refusal('strict', 'RefusedByHost')).toBe(
      'spec.volumes[].emptyDir.mode: not known to the Kubernetes of the host; leave it out, or ask the platform for a newer host',
    );
  });
});

test("pods that were refused for the host's version start when the host is upgraded", async () => {
  await create('patient', data({ emptyDir: { mode: 0o700 } }));
  await refusal('patient', 'HostTooOld');
  await clusters.node.stop();
  await clusters.servers.host.kill();
  await clusters.servers.host.startAgain('1.37');
  await eventually('the host has a twin of pod patient', () => clusters.twin<Pod>(resources.pods, 'patient'), 60);
  for (const [name] of REFUSED) {
    await eventually(`the host has a twin of pod ${name}`, () => clusters.twin(resources.pods, name));
  }
});
