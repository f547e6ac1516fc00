import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { KubeObject } from '../../syncer/kube-client';
import { createAuthority } from '../../syncer/pki';
import { BUNDLES, PodSigner } from '../integration/pod-signer';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

const SIGNER = 'example.org/mesh';
const HOUR = 3_600_000;
/** A kubelet looks at what it mounts about every minute and a half. */
const KUBELET_SECONDS = 150;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

const cluster = useVirtualCluster('projected');
const tenant = new Tenant(cluster, 'default');

const authority = (name: string): string =>
  createAuthority(name, { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + 24 * HOUR) })
    .certificate;

const mounting = (...sources: object[]): object => ({
  containers: [idle('main', { volumeMounts: [{ name: 'projected', mountPath: '/projected' }] })],
  volumes: [{ name: 'projected', projected: { sources } }],
});

/** The certificates of a file in a pod, without the line ends between them. */
const certificates = async (pod: string, file: string): Promise<string[]> =>
  (await tenant.run(pod, 'cat', `/projected/${file}`)).match(CERTIFICATE) ?? [];

const blocks = (...texts: string[]): string[] => texts.flatMap((text) => text.match(CERTIFICATE) ?? []).sort();

test('a pod reads the trust bundle of its own cluster, and its changes', async () => {
  const [one, two] = [authority('one'), authority('two')];
  const bundle = (trustBundle: string): KubeObject =>
    ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'ClusterTrustBundle',
      metadata: { name: 'company' },
      spec: { trustBundle },
    }) as KubeObject;
  await cluster.current.virtual.create(BUNDLES, bundle(one));
  await tenant.createPod('trusting', mounting({ clusterTrustBundle: { name: 'company', path: 'ca.crt' } }));
  await tenant.phase('trusting', 'Running', 120);
  expect((await certificates('trusting', 'ca.crt')).sort()).toEqual(blocks(one));
  await cluster.current.virtual.patch(
    BUNDLES,
    { name: 'company', type: 'merge' },
    { spec: { trustBundle: `${one}${two}` } },
  );
  await eventually(
    'the mounted bundle has both certificates',
    async () => {
      expect((await certificates('trusting', 'ca.crt')).sort()).toEqual(blocks(one, two));
      return true;
    },
    KUBELET_SECONDS,
  );
});

test('a pod has the certificate that a signer of its own cluster issued, with the key that fits it', async () => {
  const signer = new PodSigner(cluster.current.virtual, SIGNER);
  await tenant.createPod(
    'certified',
    mounting({
      podCertificate: { signerName: SIGNER, keyType: 'ECDSAP256', credentialBundlePath: 'bundle.pem' },
    }),
  );
  const request = await eventually('the pod’s request', async () => (await signer.open('certified'))[0], 120);
  await signer.issue(request);
  await tenant.phase('certified', 'Running', KUBELET_SECONDS);
  const bundle = await tenant.run('certified', 'cat', '/projected/bundle.pem');
  const [leaf = '', issuer = ''] = bundle.match(CERTIFICATE) ?? [];
  expect(blocks(issuer)).toEqual(blocks(signer.authority));
  const [key = ''] = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(bundle) ?? [];
  const spki = { type: 'spki', format: 'pem' } as const;
  expect(createPublicKey(createPrivateKey(key)).export(spki)).toBe(new X509Certificate(leaf).publicKey.export(spki));
});
