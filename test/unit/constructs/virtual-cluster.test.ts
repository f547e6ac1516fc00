import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Chart, Size } from 'cdk8s';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { Cpu as PlusCpu } from 'cdk8s-plus-27';
import {
  Cpu,
  ImageSources,
  KubernetesVersion,
  PodSecurityLevel,
  Scheduler,
  Store,
  VirtualCluster,
  type VirtualClusterProps,
} from '../../../constructs';
import { RELEASE } from '../../../constructs/spec';
import { parseConfiguration } from '../../../syncer/configuration/document';
import {
  chartInTeamA,
  containerOf,
  find,
  flag,
  podOf,
  propsError,
  statefulSetOf,
  synthesisError,
  synthesize,
} from './synthesized';

describe('a virtual cluster', () => {
  test('is declared by its name alone, and consists of these objects in the namespace of its chart', () => {
    const manifests = synthesize();
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
      'ConfigMap team-a/my-vc1-anchor',
      'ConfigMap team-a/my-vc1-configuration',
      'Secret team-a/my-vc1-certs',
      'ServiceAccount team-a/my-vc1',
      'ServiceAccount team-a/my-vc1-workloads',
      'Role team-a/my-vc1',
      'RoleBinding team-a/my-vc1',
      'NetworkPolicy team-a/my-vc1-deny',
      'NetworkPolicy team-a/my-vc1-ingress',
      'NetworkPolicy team-a/my-vc1-egress',
      'NetworkPolicy team-a/my-vc1-control-plane',
      'Service team-a/my-vc1',
      'Service team-a/my-vc1-store',
      'StatefulSet team-a/my-vc1',
    ]);
  });

  test('tells the names that others refer to', () => {
    const cluster = new VirtualCluster(chartInTeamA(), 'dev', { name: 'team-dev', namespace: 'elsewhere' });
    expect(cluster).toMatchObject({
      name: 'team-dev',
      namespace: 'elsewhere',
      kubeconfigSecretName: 'vc-team-dev',
      apiServerServiceName: 'team-dev',
    });
  });

  test('marks its objects as control plane, never as a tenant’s', () => {
    for (const { metadata } of synthesize()) {
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'nestling',
        'app.kubernetes.io/instance': 'my-vc1',
        'nestling.dev/control-plane': 'my-vc1',
      });
      expect(metadata.labels).not.toHaveProperty('nestling.dev/virtual-cluster');
    }
  });

  test('is the same bytes every time', () => {
    const yaml = () => {
      const app = new App();
      const chart = new Chart(app, 'test', { namespace: 'team-a' });
      new VirtualCluster(chart, 'a');
      new VirtualCluster(chart, 'b', { store: Store.ephemeral(), serviceCIDR: '10.96.0.0/16' });
      return app.synthYaml();
    };
    expect(yaml()).toBe(yaml());
  });

  test('hands its settings to the syncer in the document that the syncer reads', () => {
    const manifests = synthesize({
      clusterDomain: 'vc.example',
      serviceCIDR: '10.96.0.0/16, fd00:10:96::/112',
      dns: { replicas: 2 },
      podSecurity: PodSecurityLevel.RESTRICTED,
      allowedCSIDrivers: ['secrets-store.csi.k8s.io'],
      apiServerNames: ['api.example.com'],
      images: ImageSources.mirror('registry.example.com/mirror'),
    });
    const { data } = find(manifests, 'ConfigMap', 'my-vc1-configuration') as unknown as {
      data: Record<string, string>;
    };
    const configuration = parseConfiguration(data['configuration.yaml'] ?? '');
    expect(configuration).toMatchObject({
      virtualCluster: { name: 'my-vc1', clusterDomain: 'vc.example' },
      host: { workloadServiceAccount: 'my-vc1-workloads' },
      network: { serviceCIDRs: ['10.96.0.0/16', 'fd00:10:96::/112'] },
      dns: { enabled: true, replicas: 2, image: 'registry.example.com/mirror/coredns/coredns:v1.14.7' },
      policy: { podSecurity: 'restricted', allowedCSIDrivers: ['secrets-store.csi.k8s.io'] },
      apiServer: { extraNames: ['api.example.com'] },
    });
  });

  test('declares the Secret for its keys without data, so that applying it again leaves them', () => {
    expect(find(synthesize(), 'Secret', 'my-vc1-certs')).not.toHaveProperty('data');
  });

  test('is replaced when its configuration changes, and only then', () => {
    const hash = (props: VirtualClusterProps) => statefulSetOf(synthesize(props)).spec.template.metadata?.annotations;
    expect(hash({})).toEqual(hash({ dns: {} }));
    expect(hash({})).not.toEqual(hash({ dns: { replicas: 2 } }));
  });
});

test('a scheduler inside needs nodes that are there before pods, and the error says so of the prop', () => {
  expect(() => synthesize({ scheduler: Scheduler.virtual() })).toThrow(
    /scheduler: "virtual": finds no node to choose, as with sync\.fromHost\.nodes\.mode fake .*: set that to all or selector/,
  );
});

describe('images', () => {
  const images = (props: VirtualClusterProps) =>
    ['pki', 'etcd', 'kube-apiserver', 'kube-controller-manager', 'syncer'].map(
      (name) => containerOf(synthesize(props), name).image,
    );

  test('have their public names', () => {
    expect(images({})).toEqual([
      `ghcr.io/nestling-dev/syncer:${RELEASE}`,
      'registry.k8s.io/etcd:3.6.5-0',
      'registry.k8s.io/kube-apiserver:v1.37.2',
      'registry.k8s.io/kube-controller-manager:v1.37.2',
      `ghcr.io/nestling-dev/syncer:${RELEASE}`,
    ]);
  });

  test('come from a mirror, single ones from where one says', () => {
    const sources = ImageSources.mirror('registry.example.com/m').with({ etcd: 'registry.example.com/own/etcd:1' });
    expect(images({ images: sources })).toEqual([
      `registry.example.com/m/nestling-dev/syncer:${RELEASE}`,
      'registry.example.com/own/etcd:1',
      'registry.example.com/m/kube-apiserver:v1.37.2',
      'registry.example.com/m/kube-controller-manager:v1.37.2',
      `registry.example.com/m/nestling-dev/syncer:${RELEASE}`,
    ]);
  });

  test('of the syncer have the version of this package', () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as {
      version: string;
    };
    expect(RELEASE).toBe(version);
  });
});

describe('the store', () => {
  test('is a volume of 5 GiB that goes with the cluster, and leaves room to defragment', () => {
    const manifests = synthesize();
    const { spec } = statefulSetOf(manifests);
    // With the API server's own defaults: else every `kubectl apply` would report a change.
    expect(spec.volumeClaimTemplates?.[0]).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '5Gi' } },
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Pending' },
    });
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Delete', whenScaled: 'Retain' });
    expect(flag(containerOf(manifests, 'etcd'), 'quota-backend-bytes')).toBe(String(2 * 1024 ** 3));
    expect(flag(containerOf(manifests, 'etcd'), 'unsafe-no-fsync')).toBeUndefined();
  });

  test('has the size and class given, and stays where it is asked to', () => {
    const store = Store.persistent({ size: Size.gibibytes(100), storageClassName: 'fast', retain: true });
    const manifests = synthesize({ store });
    const { spec } = statefulSetOf(manifests);
    expect(spec.volumeClaimTemplates?.[0]?.spec).toMatchObject({
      storageClassName: 'fast',
      resources: { requests: { storage: '100Gi' } },
    });
    expect(spec.persistentVolumeClaimRetentionPolicy?.whenDeleted).toBe('Retain');
    expect(flag(containerOf(manifests, 'etcd'), 'quota-backend-bytes')).toBe(String(8 * 1024 ** 3));
  });

  test('has the quota given', () => {
    const store = Store.persistent({ size: Size.gibibytes(1), quota: Size.mebibytes(200) });
    expect(flag(containerOf(synthesize({ store }), 'etcd'), 'quota-backend-bytes')).toBe(String(200 * 1024 ** 2));
  });

  test('can be the disk of the node, and then waits for no disk', () => {
    const manifests = synthesize({ store: Store.ephemeral({ size: Size.mebibytes(1536) }) });
    expect(statefulSetOf(manifests).spec).not.toHaveProperty('volumeClaimTemplates');
    expect(podOf(manifests).volumes).toContainEqual({ name: 'data', emptyDir: { sizeLimit: '1536Mi' } });
    expect(flag(containerOf(manifests, 'etcd'), 'unsafe-no-fsync')).toBe('true');
  });
});

describe('a store that is somewhere else', () => {
  const store = Store.etcd({
    endpoints: ['https://a.example.com:2379', 'https://b.example.com:2379'],
    secretName: 'etcd',
  });
  const manifests = synthesize({ store });
  const server = containerOf(manifests, 'kube-apiserver');

  test('of etcd has its own addresses, keys and certificates, and a prefix of the cluster’s own', () => {
    expect(flag(server, 'etcd-servers')).toBe('https://a.example.com:2379,https://b.example.com:2379');
    expect(flag(server, 'etcd-prefix')).toBe('/nestling/team-a/my-vc1');
    expect(flag(server, 'etcd-certfile')).toBe('/etc/nestling-store/tls.crt');
    expect(server.volumeMounts).toContainEqual({
      name: 'store-secret',
      mountPath: '/etc/nestling-store',
      readOnly: true,
    });
    expect(podOf(manifests).volumes).toContainEqual({
      name: 'store-secret',
      secret: { secretName: 'etcd', defaultMode: 0o440 },
    });
  });

  test('needs no etcd, no volume and no care', () => {
    expect(podOf(manifests).containers.map(({ name }) => name)).toEqual([
      'kube-apiserver',
      'syncer',
      'kube-controller-manager',
    ]);
    expect(statefulSetOf(manifests).spec).not.toHaveProperty('volumeClaimTemplates');
    const map = find(manifests, 'ConfigMap', 'my-vc1-configuration') as ConfigMap;
    expect(parseConfiguration(map.data?.['configuration.yaml'] ?? '').store).toEqual({ embedded: false });
  });

  test('shows its Secret to no container but the API server', () => {
    const pod = podOf(manifests);
    const mounting = [...(pod.initContainers ?? []), ...pod.containers].filter(({ volumeMounts }) =>
      volumeMounts?.some(({ name }) => name === 'store-secret'),
    );
    expect(mounting.map(({ name }) => name)).toEqual(['kube-apiserver']);
  });

  test('of PostgreSQL has kine in etcd’s place, which alone gets the address, from the Secret', () => {
    const withKine = synthesize({ store: Store.postgres({ secretName: 'database', secretKey: 'uri' }) });
    const pod = podOf(withKine);
    expect(pod.containers.map(({ name }) => name)).toEqual([
      'kine',
      'kube-apiserver',
      'syncer',
      'kube-controller-manager',
    ]);
    const kine = containerOf(withKine, 'kine');
    expect(kine.image).toBe('docker.io/rancher/kine:v0.14.12');
    expect(kine.env).toEqual([
      { name: 'KINE_ENDPOINT', valueFrom: { secretKeyRef: { name: 'database', key: 'uri' } } },
    ]);
    expect(flag(kine, 'trusted-ca-file')).toBe('/etc/nestling/ca.crt');
    expect(flag(containerOf(withKine, 'kube-apiserver'), 'etcd-servers')).toBe('https://127.0.0.1:2379');
    const others = pod.containers.filter(({ name }) => name !== 'kine');
    expect(JSON.stringify([others, pod.initContainers, pod.volumes])).not.toContain('database');
    expect(statefulSetOf(withKine).spec).not.toHaveProperty('volumeClaimTemplates');
    expect(propsError({ store: Store.postgres({ secretName: 'database', secretKey: 'a/b' }) })).toContain(
      'store.secretKey: "a/b": is no key of a Secret',
    );
  });

  test('is refused where its address, Secret or prefix is none', () => {
    const message = propsError({
      store: Store.etcd({
        endpoints: ['http://a:2379', 'https://a:2379,https://b:2379'],
        secretName: 'E',
        prefix: 'x',
      }),
    });
    expect(message).toContain('store.endpoints: "http://a:2379": is no address of etcd: write https://');
    expect(message).toContain('store.endpoints: "https://a:2379,https://b:2379": is no address of etcd');
    expect(message).toContain('store.secretName: "E": is no DNS name');
    expect(message).toContain('store.prefix: "x": is no prefix of keys: begin with a slash');
    expect(propsError({ store: Store.etcd({ endpoints: [], secretName: 'etcd' }) })).toContain(
      'store.endpoints: []: is empty: give at least one address',
    );
  });
});

describe('resources', () => {
  test('that are given replace the defaults one by one', () => {
    const resources = {
      kubeApiServer: { memoryLimit: Size.gibibytes(4), cpuRequest: Cpu.units(1) },
      syncer: { cpuLimit: PlusCpu.millis(1500) },
    };
    const manifests = synthesize({ resources });
    expect(containerOf(manifests, 'kube-apiserver').resources).toEqual({
      requests: { cpu: '1', memory: '320Mi' },
      limits: { cpu: '2', memory: '4Gi' },
    });
    expect(containerOf(manifests, 'syncer').resources?.limits).toEqual({ cpu: '1500m', memory: '1Gi' });
    expect(containerOf(manifests, 'pki').resources).toEqual(containerOf(manifests, 'syncer').resources);
  });
});

describe('wrong props fail synthesis with path, property, value and remedy:', () => {
  const fails = (props: VirtualClusterProps, line: string) =>
    expect(propsError(props)).toContain(`[test/my-vc1] ${line}`);

  test('a version that this release does not run', () => {
    fails(
      { version: KubernetesVersion.of('1.22.0') },
      `version: "1.22.0": is not a version that this release runs: choose one of ${KubernetesVersion.supported.join(', ')}`,
    );
    expect(KubernetesVersion.supported).toContain('1.37.2');
    expect(KubernetesVersion.of('1.37.2')).toEqual(KubernetesVersion.V1_37);
  });

  test('no namespace, or one that is no name', () => {
    const app = new App();
    new VirtualCluster(new Chart(app, 'plain'), 'a');
    expect(synthesisError(app)).toContain(
      '[plain/a] namespace: is not given and the chart has none: set it here or on the chart to the host namespace',
    );
    fails({ namespace: 'Team A' }, 'namespace: "Team A": is no name of a namespace: use at most 63 lower-case letters');
  });

  test('a name too long for its longest child name', () => {
    const name = 'x'.repeat(53);
    fails(
      { name },
      `name: "${name}": has 53 characters, which makes its longest child name too long: label controller-revision-hash`,
    );
    expect(() => synthesize({ name: 'x'.repeat(52) })).not.toThrow();
  });

  test('a name, or an id that serves as one, that is no DNS label', () => {
    fails({ name: '1st' }, 'name: "1st": is no DNS label (RFC 1035)');
    fails({ name: 'a-x-b' }, 'name: "a-x-b": contains "-x-", which stands between the parts of host names');
    expect(propsError({}, 'MyCluster')).toContain('[test/MyCluster] name: "MyCluster": is no DNS label (RFC 1035)');
  });

  test('a service range that is none', () => {
    fails({ serviceCIDR: '10.96.0.0' }, 'serviceCIDR: "10.96.0.0": is not an address range: write an address, a slash');
    fails(
      { serviceCIDR: '10.96.0.0/16,10.97.0.0/16' },
      'serviceCIDR: ["10.96.0.0/16","10.97.0.0/16"]: has two ranges of one family',
    );
  });

  test('domains, server names and numbers that are none', () => {
    fails({ clusterDomain: 'a..b' }, 'clusterDomain: "a..b": is no DNS name');
    fails({ apiServerNames: ['good', 'b@d'] }, 'apiServerNames[1]: "b@d": is no DNS name');
    fails({ allowedCSIDrivers: ['b@d'] }, 'allowedCSIDrivers[0]: "b@d": is no name of a CSI driver');
    fails(
      { dns: { replicas: 0 } },
      'dns.replicas: 0: must be at least 1; to have no DNS server, set dns.enabled to false',
    );
  });

  test('images that are none', () => {
    fails(
      { images: ImageSources.mirror('https://mirror') },
      'images.etcd: "https://mirror/etcd:3.6.5-0": is no image reference',
    );
    fails({ images: ImageSources.upstream().with({ coreDns: 'a b' }) }, 'images.coreDns: "a b": is no image reference');
  });

  test('a quota of the store that defragmenting has no room for, or that is too small or large', () => {
    const withQuota = (quota: Size) => ({ store: Store.persistent({ size: Size.gibibytes(4), quota }) });
    fails(
      withQuota(Size.gibibytes(2)),
      'store.quota: "2Gi": leaves no room for the second copy that defragmenting writes: give at most 45 % of store.size',
    );
    fails(withQuota(Size.mebibytes(16)), 'store.quota: "16Mi": is too small for a cluster: give at least 64Mi');
    fails(withQuota(Size.gibibytes(9)), 'store.quota: "9Gi": is more than etcd is made for: give at most 8Gi');
  });

  test('a store too small, or of a class that is no name', () => {
    fails(
      { store: Store.ephemeral({ size: Size.mebibytes(64) }) },
      'store.size: "64Mi": is too small for etcd and its log: give at least 512Mi',
    );
    fails(
      { store: Store.persistent({ storageClassName: 'Fast!' }) },
      'store.storageClassName: "Fast!": is no DNS name',
    );
  });

  test('resources that are none, or requests above their limits', () => {
    fails(
      { resources: { etcd: { cpuLimit: Cpu.millis(0) } } },
      'resources.etcd.cpuLimit: "0m": is no amount of CPU time: use Cpu.millis',
    );
    fails(
      { resources: { etcd: { cpuRequest: Cpu.units(3) } } },
      'resources.etcd.cpuRequest: "3": is more than the limit of 1: lower it',
    );
    fails(
      { resources: { syncer: { memoryLimit: Size.mebibytes(64) } } },
      'resources.syncer.memoryRequest: "128Mi": is more than the limit of 64Mi',
    );
    fails(
      { resources: { syncer: { memoryRequest: Size.mebibytes(0) } } },
      'resources.syncer.memoryRequest: "0Gi": is no memory: give more',
    );
  });

  test('all of them at once', () => {
    const message = propsError({ name: 'NO', serviceCIDR: 'x', version: KubernetesVersion.of('1.0') });
    for (const field of ['name', 'serviceCIDR', 'version']) expect(message).toContain(`[test/my-vc1] ${field}: `);
  });
});

describe('the clusters of an app', () => {
  test('share a namespace and a name only where neither is the same', () => {
    const app = new App();
    new VirtualCluster(new Chart(app, 'one', { namespace: 'team-a' }), 'vc');
    new VirtualCluster(new Chart(app, 'two', { namespace: 'team-b' }), 'vc');
    new VirtualCluster(new Chart(app, 'three', { namespace: 'team-a' }), 'vc2');
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('of one name in one namespace are refused, in whatever chart they stand, by one error that names both', () => {
    const app = new App();
    new VirtualCluster(new Chart(app, 'one', { namespace: 'team-a' }), 'vc');
    new VirtualCluster(new Chart(app, 'two'), 'other', { name: 'vc', namespace: 'team-a' });
    expect(synthesisError(app).split('\n').slice(1)).toEqual([
      '  [two/other] name: "vc": is the name of one/vc in namespace team-a, too: give one of them another name or namespace',
    ]);
  });

  test('that would make the same child are refused', () => {
    const app = new App();
    const chart = new Chart(app, 'test', { namespace: 'team-a' });
    new VirtualCluster(chart, 'a');
    new VirtualCluster(chart, 'a-store');
    expect(synthesisError(app).split('\n').slice(1)).toEqual([
      '  [test/a-store] name: "a-store": needs Service a-store in namespace team-a, which test/a makes: give one of them another name',
    ]);
  });
});

describe('a cluster that is declared somewhere else', () => {
  test('is known by its name, and makes nothing', () => {
    const chart = chartInTeamA();
    const vc = VirtualCluster.fromVirtualClusterName(chart, 'imported', 'my-vc1', { namespace: 'team-b' });
    expect(vc).toMatchObject({
      name: 'my-vc1',
      namespace: 'team-b',
      kubeconfigSecretName: 'vc-my-vc1',
      apiServerServiceName: 'my-vc1',
    });
    expect(App.of(chart).synthYaml()).toBe('');
  });

  test('has a name that a cluster can have', () => {
    const chart = chartInTeamA();
    VirtualCluster.fromVirtualClusterName(chart, 'imported', 'NO', { namespace: 'a b' });
    const message = synthesisError(App.of(chart));
    expect(message).toContain('[test/imported] name: "NO": ');
    expect(message).toContain('[test/imported] namespace: "a b": ');
  });
});
