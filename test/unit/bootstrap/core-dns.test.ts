import type { Deployment } from 'kubernetes-types/apps/v1';
import type { ConfigMap, PodSpec } from 'kubernetes-types/core/v1';
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

describe('names outside of the virtual cluster', () => {
  const served = (change: object): string => {
    const { data } = coreDNSManifests(configuration(change)).find(({ kind }) => kind === 'ConfigMap') as ConfigMap;
    return data?.['Corefile'] ?? '';
  };

  test('are asked of the node’s servers, or of those that the platform gives', () => {
    expect(served({})).toContain('forward . /etc/resolv.conf {');
    expect(served({ forward: ['10.0.0.53', '[fd00::53]:5353', '10.0.0.54:5353', 'fd00::54'] })).toContain(
      'forward . 10.0.0.53 [fd00::53]:5353 10.0.0.54:5353 fd00::54 {',
    );
  });

  test('are none below the usual domain of clusters, which nobody outside is asked for', () => {
    expect(corefile('vc.example')).toMatch(/template ANY ANY cluster\.local \{\s+rcode NXDOMAIN\s+\}/);
    // The virtual cluster answers for it itself.
    expect(corefile('cluster.local')).not.toContain('template');
    expect(corefile('vc.cluster.local')).not.toContain('template');
  });

  test.each(['dns.example.com', '10.0.0.53:0', '10.0.0.53:65536', '10.0.0.53 {', 'tls://10.0.0.53', '[10.0.0', ''])(
    'are not asked of %j, which is no address',
    (server) => {
      expect(() => configuration({ forward: [server] })).toThrow(/dns\.forward\[0\].*is no address of a DNS server/);
    },
  );

  test('are asked by nobody where there is no DNS server, which is told', () => {
    expect(() => configuration({ enabled: false, forward: ['10.0.0.53'] })).toThrow(/dns\.forward.*has no effect/);
  });
});
