import type { Deployment } from 'kubernetes-types/apps/v1';
import type { PodSpec } from 'kubernetes-types/core/v1';
import { coreDNSManifests, corefile } from '../../../syncer/bootstrap';
import { parseConfiguration } from '../../../syncer/configuration/document';
import { checkPod } from '../../../syncer/policy';

const configuration = (dns: object) =>
  parseConfiguration(
    JSON.stringify({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc1', clusterDomain: 'vc.example' },
      dns,
    }),
  );
const podSpec = (dns: object): PodSpec => {
  const deployment = coreDNSManifests(configuration(dns)).find(({ kind }) => kind === 'Deployment') as Deployment;
  return deployment.spec?.template.spec as PodSpec;
};

test('the Service comes first, everything is in kube-system or cluster-wide', () => {
  const manifests = coreDNSManifests(configuration({}));
  expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata?.namespace ?? ''}/${metadata?.name}`)).toEqual([
    'Service kube-system/kube-dns',
    'ServiceAccount kube-system/coredns',
    'ClusterRole /system:coredns',
    'ClusterRoleBinding /system:coredns',
    'ConfigMap kube-system/coredns',
    'Deployment kube-system/coredns',
  ]);
});

test('nothing when DNS is switched off', () => {
  expect(coreDNSManifests(configuration({ enabled: false }))).toEqual([]);
});

test('the pod meets the restricted standard and asks nothing of the host’s priorities and taints', () => {
  const spec = podSpec({});
  expect(checkPod({ metadata: { name: 'x' }, spec }, 'restricted')).toEqual([]);
  expect(spec.priorityClassName).toBeUndefined();
  expect(spec.tolerations).toBeUndefined();
});

test('image and replicas as configured; several go to different nodes, and another number replaces no pod', () => {
  expect(podSpec({ image: 'example.com/coredns:v9' }).containers[0]?.image).toBe('example.com/coredns:v9');
  expect(podSpec({ replicas: 2 }).affinity?.podAntiAffinity).toBeDefined();
  expect(podSpec({ replicas: 1 })).toEqual(podSpec({ replicas: 2 }));
});

test('the Corefile serves the configured domain', () => {
  expect(corefile('vc.example')).toContain('kubernetes vc.example in-addr.arpa ip6.arpa {');
  expect(corefile('vc.example')).not.toMatch(/^\s*loop$/m);
});
