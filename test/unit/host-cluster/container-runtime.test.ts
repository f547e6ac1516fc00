import { containerdConfiguration, imagesOfIndex, podNetworkConfiguration } from '../../host-cluster/container-runtime';
import { deviceDriverCommand } from '../../host-cluster/devices';
import { kubeletConfiguration } from '../../host-cluster/kubelet';
import { planCluster } from '../../host-cluster/plan';

const plan = planCluster({ name: 'host', nodes: 2, slot: 0 });
const [node] = plan.nodes;

test('the images of an archive are told only when each has a name and a digest', () => {
  const named = { digest: 'sha256:a', annotations: { 'io.containerd.image.name': 'r.example/x:1' } };
  expect(imagesOfIndex(JSON.stringify({ manifests: [named] }))).toEqual(['r.example/x:1 sha256:a']);
  expect(imagesOfIndex(JSON.stringify({ manifests: [named, { digest: 'sha256:b' }] }))).toBeUndefined();
  expect(imagesOfIndex('{}')).toBeUndefined();
});

test('pods of a node get addresses of its own range, and containerd runs without CAP_SYS_RESOURCE', () => {
  expect(podNetworkConfiguration(node)).toMatchObject({
    plugins: [{ type: 'bridge', ipMasq: false, ipam: { ranges: [[{ subnet: '10.89.0.0/23' }]] } }, { type: 'portmap' }],
  });
  expect(containerdConfiguration(node, '/cni')).toContain('restrict_oom_score_adj = true');
});

test('a node’s driver writes where its containerd reads what containers get of devices', () => {
  const [, at] = /--cdi-dir=(\S+)/.exec(deviceDriverCommand(node, '/driver', '/kubeconfig').join(' ')) ?? [];
  expect(at).toMatch(/^\/run\//); // the node's own, and gone with it
  expect(containerdConfiguration(node, '/cni')).toContain(`cdi_spec_dirs = ["${at}"]`);
});

test("a kubelet's pods stay within the cluster's cgroup", () => {
  const files = { clientCA: '/a', certificate: '/b', key: '/c', resolvConf: '/d' };
  expect(kubeletConfiguration(plan, node, files)).toMatchObject({
    cgroupRoot: '/nestling-host/node-1',
    clusterDNS: [plan.dnsAddress],
    failCgroupV1: false,
  });
});
