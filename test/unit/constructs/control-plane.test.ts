import type { Pod } from 'kubernetes-types/core/v1';
import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { KubernetesVersion, NodeSyncPolicy, Scheduler, Store } from '../../../constructs';
import type { VirtualClusterProps } from '../../../constructs';
import { checkPod } from '../../../syncer/policy';
import { parseConfiguration } from '../../../syncer/configuration/document';
import { syncerRights } from '../../../syncer/translation';
import { containerOf, find, flag, podOf, statefulSetOf, synthesize } from './synthesized';

const WITH_SCHEDULER: VirtualClusterProps = {
  scheduler: Scheduler.virtual(),
  sync: {
    fromHost: {
      nodes: NodeSyncPolicy.allNodes(),
      storageClasses: { enabled: true },
      persistentVolumes: { enabled: true },
    },
  },
};
const manifests = synthesize();
/** With every container that there can be at once. */
const everything = synthesize(WITH_SCHEDULER);
const CONTAINERS = ['pki', 'etcd', 'kube-apiserver', 'syncer', 'kube-controller-manager', 'kube-scheduler'];

describe('the pod of the control plane', () => {
  test.each([
    ['on a volume', synthesize()],
    ['with a scheduler', synthesize(WITH_SCHEDULER)],
    ['on the node’s disk', synthesize({ store: Store.ephemeral() })],
    ['in PostgreSQL', synthesize({ store: Store.postgres({ secretName: 'database' }) })],
    ['in MySQL', synthesize({ store: Store.mysql({ secretName: 'database' }) })],
    ['somewhere else', synthesize({ store: Store.etcd({ endpoints: ['https://a:2379'], secretName: 'etcd' }) })],
  ])('meets the Pod Security Standard restricted, %s', (_, objects) => {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', ...statefulSetOf(objects).spec.template };
    expect(checkPod(pod, 'restricted')).toEqual([]);
  });

  test.each(CONTAINERS)('runs %s without privileges, on a read-only root file system', (name) => {
    const { securityContext } = containerOf(everything, name);
    expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    expect(securityContext?.capabilities?.drop).toEqual(['ALL']);
    // The public image's program carries this capability as a file attribute and cannot start without it.
    expect(securityContext?.capabilities?.add).toEqual(name === 'kube-apiserver' ? ['NET_BIND_SERVICE'] : undefined);
  });

  test.each(CONTAINERS)('gives %s requests and limits of CPU and memory', (name) => {
    const { resources } = containerOf(everything, name);
    for (const amounts of [resources?.requests, resources?.limits]) {
      expect(amounts).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
    }
  });

  test.each(CONTAINERS.slice(1))('probes %s, every second until it has started', (name) => {
    const { startupProbe, readinessProbe, livenessProbe, ports } = containerOf(everything, name);
    expect(startupProbe?.periodSeconds).toBe(1);
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
      expect(ports?.map(({ containerPort }) => containerPort)).toContain(probe?.httpGet?.port);
    }
  });

  test('gives a host token to the syncer and its init container only', () => {
    const pod = podOf(everything);
    expect(pod.automountServiceAccountToken).toBe(false);
    const withToken = CONTAINERS.filter((name) =>
      containerOf(everything, name).volumeMounts?.some(({ name: volume }) => volume === 'service-account'),
    );
    expect(withToken).toEqual(['pki', 'syncer']);
  });

  test('shows every upstream program its own files, and all of them to those who write them', () => {
    const mounts = CONTAINERS.map((name) =>
      containerOf(everything, name).volumeMounts?.find(({ name: volume }) => volume === 'files'),
    );
    expect(mounts.map((mount) => [mount?.mountPath, mount?.subPath, mount?.readOnly])).toEqual([
      ['/etc/nestling', undefined, undefined],
      ...CONTAINERS.slice(1).map((name) =>
        name === 'syncer' ? ['/etc/nestling', undefined, undefined] : ['/etc/nestling', name, true],
      ),
    ]);
  });

  test('mounts only volumes that it has', () => {
    const pod = podOf(everything);
    const volumes = new Set([...(pod.volumes ?? []).map(({ name }) => name), 'data']);
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      for (const { name } of container.volumeMounts ?? []) expect(volumes).toContain(name);
    }
  });

  test('keeps keys in memory', () => {
    expect(podOf(everything).volumes).toContainEqual({
      name: 'files',
      emptyDir: { medium: 'Memory', sizeLimit: '8Mi' },
    });
  });

  test('switches on in 1.36 what has the Service webhook in a file, and no gate in other versions', () => {
    const gates = (version: KubernetesVersion) =>
      flag(containerOf(synthesize({ version }), 'kube-apiserver'), 'feature-gates');
    expect(gates(KubernetesVersion.V1_36)).toBe('ManifestBasedAdmissionControlConfig=true');
    expect(gates(KubernetesVersion.V1_35)).toBeUndefined();
    expect(gates(KubernetesVersion.V1_37)).toBeUndefined();
  });

  test('has API server and controllers of its version, and the same store and DNS server in all', () => {
    const imagesOf = (version: KubernetesVersion) =>
      ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
        (name) => containerOf(synthesize({ ...WITH_SCHEDULER, version }), name).image,
      );
    expect(imagesOf(KubernetesVersion.V1_35)).toEqual([
      'registry.k8s.io/etcd:3.6.5-0',
      'registry.k8s.io/kube-apiserver:v1.35.4',
      'registry.k8s.io/kube-controller-manager:v1.35.4',
      'registry.k8s.io/kube-scheduler:v1.35.4',
    ]);
    expect(imagesOf(KubernetesVersion.V1_36)[0]).toBe('registry.k8s.io/etcd:3.6.5-0');
  });

  test('stops the store after the API server', () => {
    expect(containerOf(manifests, 'etcd').lifecycle?.preStop?.sleep?.seconds).toBeGreaterThan(0);
    expect(flag(containerOf(everything, 'kube-apiserver'), 'shutdown-watch-termination-grace-period')).toBe('3s');
  });

  test('is selected by the Services, whether it is ready or not', () => {
    const labels = statefulSetOf(manifests).spec.template.metadata?.labels;
    for (const name of ['my-vc1', 'my-vc1-store']) {
      const { spec } = find(manifests, 'Service', name) as unknown as { spec: Record<string, unknown> };
      expect(labels).toMatchObject(spec['selector'] as object);
      expect(spec['publishNotReadyAddresses']).toBe(true);
    }
    expect(find(manifests, 'Service', 'my-vc1')).toMatchObject({ spec: { ipFamilyPolicy: 'PreferDualStack' } });
    expect(labels).toMatchObject(statefulSetOf(manifests).spec.selector.matchLabels ?? {});
    expect(statefulSetOf(manifests).spec.serviceName).toBe('my-vc1-store');
  });
});

describe('kube-apiserver', () => {
  const server = containerOf(manifests, 'kube-apiserver');

  test('takes the service range from the init container unless it is given', () => {
    expect(flag(server, 'service-cluster-ip-range')).toBe('$(SERVICE_CIDR)');
    expect(server.env).toContainEqual({
      name: 'SERVICE_CIDR',
      valueFrom: { secretKeyRef: { name: 'my-vc1-certs', key: 'service-cidr' } },
    });
    const given = containerOf(synthesize({ serviceCIDR: '10.96.0.0/16,fd00:10:96::/112' }), 'kube-apiserver');
    expect(flag(given, 'service-cluster-ip-range')).toBe('10.96.0.0/16,fd00:10:96::/112');
    expect(given.env?.map(({ name }) => name)).toEqual(['POD_IP']);
  });

  test('issues tokens in the name of its own cluster domain', () => {
    const own = containerOf(synthesize({ clusterDomain: 'vc.example' }), 'kube-apiserver');
    expect(flag(own, 'service-account-issuer')).toBe('https://kubernetes.default.svc.vc.example');
    expect(flag(own, 'service-account-jwks-uri')).toBe('https://kubernetes.default.svc.vc.example/openid/v1/jwks');
  });

  test('authorizes, and connects outwards through the gate', () => {
    expect(flag(server, 'authorization-mode')).toBe('Node,RBAC');
    expect(flag(server, 'egress-selector-config-file')).toBe('/etc/nestling/egress-selector.yaml');
    expect(flag(server, 'admission-control-config-file')).toBe('/etc/nestling/admission.yaml');
    expect(flag(server, 'kubelet-preferred-address-types')).toBe('InternalIP');
  });
});

describe('kube-controller-manager', () => {
  test('runs all controllers but those of the host’s nodes and volumes', () => {
    expect(flag(containerOf(manifests, 'kube-controller-manager'), 'controllers')?.split(',')).toEqual([
      '*',
      '-node-ipam-controller',
      '-node-lifecycle-controller',
      '-persistentvolume-binder-controller',
      '-persistentvolume-attach-detach-controller',
      '-persistentvolume-expander-controller',
    ]);
  });
});

describe('kube-scheduler', () => {
  test('is there only where the virtual cluster is to have one', () => {
    expect(podOf(manifests).containers.map(({ name }) => name)).not.toContain('kube-scheduler');
    expect(podOf(synthesize({ scheduler: Scheduler.host() })).containers.map(({ name }) => name)).not.toContain(
      'kube-scheduler',
    );
    expect(podOf(everything).containers.map(({ name }) => name)).toContain('kube-scheduler');
  });

  test('is its own user of the virtual API server, and elects nobody', () => {
    const scheduler = containerOf(everything, 'kube-scheduler');
    expect(flag(scheduler, 'kubeconfig')).toBe('/etc/nestling/kubeconfig');
    expect(flag(scheduler, 'leader-elect')).toBe('false');
  });
});

describe('the store', () => {
  test('listens inside the pod only, with certificates, but for health', () => {
    const etcd = containerOf(manifests, 'etcd');
    for (const name of ['listen-client-urls', 'listen-peer-urls'])
      expect(flag(etcd, name)).toMatch(/^https:\/\/127\.0\.0\.1:/);
    expect(flag(etcd, 'client-cert-auth')).toBe('true');
    expect(flag(etcd, 'peer-client-cert-auth')).toBe('true');
  });
});

describe('the rights of the control plane', () => {
  const { rules } = find(manifests, 'Role', 'my-vc1') as unknown as { rules: PolicyRule[] };

  test('are what its kinds need and its own objects by name', () => {
    const rights = syncerRights(
      parseConfiguration(
        '{apiVersion: nestling.dev/v1alpha1, kind: SyncerConfiguration, virtualCluster: {name: my-vc1}}',
      ),
    );
    for (const { apiGroup, resources, verbs } of rights) {
      expect(rules).toContainEqual({ apiGroups: [apiGroup], resources: [...resources], verbs: [...verbs] });
    }
    expect(rules).toContainEqual({
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['my-vc1-certs', 'vc-my-vc1'],
      verbs: ['get', 'update', 'patch'],
    });
  });

  test('let the init container try Services and keep its Secrets, which have no names yet when it does', () => {
    for (const resource of ['services', 'secrets']) {
      expect(
        rules.some(
          ({ resources, resourceNames, verbs }) =>
            resources?.includes(resource) && !resourceNames && verbs.includes('create'),
        ),
      ).toBe(true);
    }
  });

  test('hold no wildcard, no right on nodes or roles, and nothing outside the namespace', () => {
    for (const { apiGroups, resources, verbs } of rules) {
      for (const word of [...(apiGroups ?? []), ...(resources ?? []), ...verbs]) expect(word).not.toContain('*');
      for (const resource of resources ?? [])
        expect(resource).not.toMatch(/^(nodes|roles|rolebindings|serviceaccounts)\b/);
    }
    expect(manifests.map(({ kind }) => kind)).not.toContain('ClusterRole');
  });

  test('on custom resources are in a ClusterRole for definitions by name, and in the namespaces whose objects are shown', () => {
    const offer = { group: 'example.org', version: 'v1', kind: 'Offer', resource: 'offers' };
    const all = synthesize({
      sync: { fromHost: { customResources: [{ ...offer, namespaces: [{ host: 'shared', virtual: 'catalogue' }] }] } },
    });
    const name = 'vcluster-syncer-x-team-a-x-my-vc1';
    expect(find(all, 'ClusterRole', name)).toMatchObject({
      rules: [
        {
          apiGroups: ['apiextensions.k8s.io'],
          resources: ['customresourcedefinitions'],
          resourceNames: ['offers.example.org'],
          verbs: ['get', 'list', 'watch'],
        },
      ],
    });
    expect(find(all, 'Role', name)).toMatchObject({
      metadata: { namespace: 'shared' },
      rules: [{ apiGroups: ['example.org'], resources: ['offers'], verbs: ['get', 'list', 'watch'] }],
    });
    expect(find(all, 'RoleBinding', name)).toMatchObject({
      metadata: { namespace: 'shared' },
      subjects: [{ kind: 'ServiceAccount', name: 'my-vc1', namespace: 'team-a' }],
    });
  });

  test.each([
    ['real', NodeSyncPolicy.real()],
    ['all', NodeSyncPolicy.allNodes()],
    ['matching', NodeSyncPolicy.nodesMatching({ pool: 'a' })],
  ])('on the host’s nodes are to look at them, with %s nodes', (_, nodes) => {
    const all = synthesize({ sync: { fromHost: { nodes } } });
    expect(find(all, 'ClusterRole', 'vcluster-syncer-x-team-a-x-my-vc1')).toMatchObject({
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }],
    });
    expect(find(all, 'ClusterRoleBinding', 'vcluster-syncer-x-team-a-x-my-vc1')).toMatchObject({
      subjects: [{ kind: 'ServiceAccount', name: 'my-vc1', namespace: 'team-a' }],
    });
  });

  test('on the host’s nodes are none with fake nodes, which are the default', () => {
    expect(synthesize({ sync: { fromHost: { nodes: NodeSyncPolicy.fake() } } })).toEqual(manifests);
    expect(JSON.stringify(manifests)).not.toContain('"nodes"');
  });

  test('belong to the account of the pod; tenants’ pods get one that has none', () => {
    const binding = find(manifests, 'RoleBinding', 'my-vc1') as unknown as { subjects: unknown };
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'my-vc1', namespace: 'team-a' }]);
    expect(podOf(manifests).serviceAccountName).toBe('my-vc1');
    expect(find(manifests, 'ServiceAccount', 'my-vc1-workloads')).toMatchObject({
      automountServiceAccountToken: false,
    });
  });
});
