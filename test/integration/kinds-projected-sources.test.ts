import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ConfigMap, Pod, Secret } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import { createAuthority, KEY_TYPES } from '../../syncer/pki';
import { certificateSecretName, trustAnchorsName } from '../../syncer/translation';
import { KUBERNETES_MINOR } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { BUNDLES, PodSigner, REQUESTS, type SignedRequest } from './pod-signer';
import { found, TwoClusters } from './two-clusters';

const IDENTITY = { name: NAME, hostNamespace: HOST_NAMESPACE };
const SIGNER = 'example.org/mesh';
const HOUR = 3_600_000;
const validity = { notBefore: new Date(Date.now() - HOUR), notAfter: new Date(Date.now() + 24 * HOUR) };
const authority = (name: string): string => createAuthority(name, validity).certificate;

let clusters: TwoClusters;

const volume = (...sources: object[]) => ({ volumes: [{ name: 'trust', projected: { sources } }] }) as object;

const createBundle = (name: string, trustBundle: string, signerName?: string, labels = {}) =>
  clusters.virtual.create(BUNDLES, {
    metadata: { name, labels },
    spec: { trustBundle, ...(signerName === undefined ? {} : { signerName }) },
  } as KubeObject);

const trustOf = (pod: string): Promise<ConfigMap | undefined> =>
  found(
    clusters.host.get<ConfigMap>(resources.configMaps, {
      namespace: HOST_NAMESPACE,
      name: trustAnchorsName(IDENTITY, 'default', pod),
    }),
  );

const secretOf = (pod: string): Promise<Secret | undefined> =>
  found(
    clusters.host.get<Secret>(resources.secrets, {
      namespace: HOST_NAMESPACE,
      name: certificateSecretName(IDENTITY, 'default', pod),
    }),
  );

/** Waits until a pod has these certificates under a key, in any order. */
const trusts = (pod: string, key: string, ...certificates: string[]): Promise<ConfigMap> =>
  eventually(`pod ${pod} has its trust anchors on the host`, async () => {
    const configMap = await trustOf(pod);
    const blocks = configMap?.data?.[key]?.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];
    expect([...blocks].sort()).toEqual([...certificates].sort());
    return configMap;
  });

const condition = async (pod: string) => {
  const { status } = await clusters.virtual.get<Pod>(resources.pods, { namespace: 'default', name: pod });
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
};

const text = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();

describe('where the virtual cluster has the APIs', () => {
  let signer: PodSigner;

  beforeAll(async () => {
    clusters = await TwoClusters.start({ virtual: { version: KUBERNETES_MINOR } });
    signer = new PodSigner(clusters.virtual, SIGNER);
  });

  afterAll(async () => {
    await clusters?.stop();
  });

  /** Waits for an open request of a pod. */
  const asked = (pod: string): Promise<SignedRequest> =>
    eventually(`pod ${pod} asks for a certificate`, async () => (await signer.open(pod))[0]);

  test('trust anchors lie beside the host pod, which owns them, and follow the bundles', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map(authority) as [string, string, string];
    await createBundle('company', one);
    await createBundle('example.org:mesh:old', one + two, SIGNER, { live: 'yes' });
    await createBundle('example.org:mesh:dead', three, SIGNER, { live: 'no' });
    const selector = { signerName: SIGNER, labelSelector: { matchLabels: { live: 'yes' } } };
    await clusters.createPod(
      'trusting',
      volume(
        { clusterTrustBundle: { name: 'company', path: 'company.crt' } },
        { clusterTrustBundle: { ...selector, path: 'mesh.crt' } },
        { clusterTrustBundle: { name: 'none', optional: true, path: 'none.crt' } },
      ),
    );
    const configMap = await trusts('trusting', 'trust.1', one, two);
    expect(configMap.data).toMatchObject({ 'trust.0': one, 'trust.2': '' });
    const twin = await clusters.twin<Pod>(resources.pods, 'trusting');
    expect(configMap.metadata?.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Pod', uid: twin?.metadata?.uid }),
    ]);

    await createBundle('example.org:mesh:new', three, SIGNER, { live: 'yes' });
    const { metadata } = await trusts('trusting', 'trust.1', one, two, three);

    // What changes nothing of the files writes nothing. A pod that came later shows that the change has been seen.
    const annotations = { note: 'seen' };
    await clusters.virtual.patch(BUNDLES, { name: 'company', type: 'merge' }, { metadata: { annotations } });
    await clusters.virtual.patch(
      BUNDLES,
      { name: 'example.org:mesh:dead', type: 'merge' },
      { metadata: { annotations } },
    );
    await clusters.createPod('later', volume({ clusterTrustBundle: { name: 'company', path: 'ca.crt' } }));
    await trusts('later', 'trust.0', one);
    expect((await trustOf('trusting'))?.metadata?.resourceVersion).toBe(metadata?.resourceVersion);
  });

  test('a bundle that is missing is told, and what needs it waits for it', async () => {
    await clusters.createPod('waiting', volume({ clusterTrustBundle: { name: 'late', path: 'ca.crt' } }));
    const event = await clusters.event('waiting', 'TrustBundleMissing');
    expect(event.message).toContain('spec.volumes[0].projected.sources[0].clusterTrustBundle names the');
    expect(event.message).toContain('"late"');
    expect(await trustOf('waiting')).toBeUndefined();
    const late = authority('late');
    await createBundle('late', late);
    await trusts('waiting', 'trust.0', late);
  });

  test('trust anchors are right after a restart, and put back when somebody took them away', async () => {
    const [before, after] = ['before', 'after'].map(authority) as [string, string];
    await createBundle('changing', before);
    await clusters.createPod('restarted', volume({ clusterTrustBundle: { name: 'changing', path: 'ca.crt' } }));
    const { metadata } = await trusts('restarted', 'trust.0', before);
    await clusters.stopSyncer();
    await clusters.virtual.patch(BUNDLES, { name: 'changing', type: 'merge' }, { spec: { trustBundle: after } });
    await clusters.startSyncer();
    await trusts('restarted', 'trust.0', after);
    const name = metadata?.name ?? '';
    await clusters.host.delete(resources.configMaps, { namespace: HOST_NAMESPACE, name });
    await eventually('the ConfigMap is back', async () => {
      const found = await trustOf('restarted');
      return found?.metadata?.uid !== metadata?.uid && found;
    });
    await trusts('restarted', 'trust.0', after);
  });

  test('a certificate is asked for by the virtual pod on its node, and lies with its key beside the host pod', async () => {
    const source = { signerName: SIGNER, keyType: 'ECDSAP256', maxExpirationSeconds: 14_400 };
    await clusters.createPod(
      'certified',
      volume(
        { podCertificate: { ...source, credentialBundlePath: 'all.pem', userAnnotations: { 'example.org/a': 'b' } } },
        { podCertificate: { ...source, keyPath: 'key.pem', certificateChainPath: 'chain.pem' } },
      ),
    );
    const open = await eventually('both sources ask', async () => {
      const all = await signer.open('certified');
      return all.length === 2 && all;
    });
    const pod = await clusters.virtual.get<Pod>(resources.pods, { namespace: 'default', name: 'certified' });
    const node = await clusters.virtual.get(resources.nodes, { name: clusters.node.name });
    const account = await clusters.virtual.get(resources.serviceAccounts, { namespace: 'default', name: 'default' });
    for (const { spec, metadata } of open) {
      expect(spec).toMatchObject({
        podName: 'certified',
        podUID: pod.metadata?.uid,
        nodeName: clusters.node.name,
        nodeUID: node.metadata?.uid,
        serviceAccountName: 'default',
        serviceAccountUID: account.metadata?.uid,
        maxExpirationSeconds: 14_400,
      });
      expect(metadata?.ownerReferences).toEqual([expect.objectContaining({ kind: 'Pod', uid: pod.metadata?.uid })]);
    }
    expect(open.map(({ spec }) => spec.unverifiedUserAnnotations)).toContainEqual({ 'example.org/a': 'b' });
    for (const request of open) await signer.issue(request);
    const { data = {}, metadata } = await eventually('the Secret has all files', async () => {
      const secret = await secretOf('certified');
      return Object.keys(secret?.data ?? {}).length === 3 && secret;
    });
    const twin = await clusters.twin<Pod>(resources.pods, 'certified');
    expect(metadata?.ownerReferences).toEqual([expect.objectContaining({ kind: 'Pod', uid: twin?.metadata?.uid })]);
    const bundle = text(data['trust.0']);
    expect(
      new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERT'))).checkPrivateKey(createPrivateKey(bundle)),
    ).toBe(true);
    expect(bundle).toContain(signer.authority);
    const key = createPrivateKey(text(data['trust.1.key']));
    expect(new X509Certificate(text(data['trust.1.chain'])).checkPrivateKey(key)).toBe(true);
  });

  test('a certificate is kept over a restart, and renewed with a new key when its signer says', async () => {
    await clusters.createPod(
      'renewed',
      volume({ podCertificate: { signerName: SIGNER, keyType: 'ED25519', credentialBundlePath: 'all.pem' } }),
    );
    await signer.issue(await asked('renewed'));
    const first = await eventually('the first certificate is there', () => secretOf('renewed'));
    await clusters.stopSyncer();
    await clusters.startSyncer();
    // A pod that came later shows that this one had its turn.
    await clusters.createPod('after-restart', volume({ clusterTrustBundle: { name: 'x', optional: true, path: 'x' } }));
    await eventually('a later pod has its files', () => trustOf('after-restart'));
    expect(await signer.open('renewed')).toEqual([]);
    expect((await secretOf('renewed'))?.metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);

    await clusters.stopSyncer();
    await clusters.startSyncer({ now: () => Date.now() + PodSigner.REFRESH_MS + 10 * 60_000 });
    await signer.issue(await asked('renewed'));
    const renewed = await eventually('another certificate is there', async () => {
      const secret = await secretOf('renewed');
      return secret?.metadata?.resourceVersion !== first.metadata?.resourceVersion && secret;
    });
    const keyOf = (secret: Secret) => createPrivateKey(text(secret.data?.['trust.0']));
    expect(keyOf(renewed).equals(keyOf(first))).toBe(false);
    await clusters.stopSyncer();
    await clusters.startSyncer();
  });

  test('what a signer denies is told, once and for all', async () => {
    await clusters.createPod(
      'denied',
      volume({ podCertificate: { signerName: SIGNER, keyType: 'ECDSAP384', credentialBundlePath: 'all.pem' } }),
    );
    await signer.deny(await asked('denied'), 'UnsupportedKeyType', 'use ECDSAP256');
    const event = await clusters.event('denied', 'CertificateDenied');
    expect(event.message).toMatch(
      /^spec\.volumes\[0\]\.projected\.sources\[0\]\.podCertificate: .*"example\.org\/mesh": UnsupportedKeyType: use ECDSAP256;/,
    );
    expect(await signer.open('denied')).toEqual([]);
    expect(await secretOf('denied')).toBeUndefined();
  });

  test('a request that the virtual cluster removed unanswered is made again', async () => {
    await clusters.createPod(
      'patient',
      volume({ podCertificate: { signerName: SIGNER, keyType: 'ED25519', credentialBundlePath: 'all.pem' } }),
    );
    const first = await asked('patient');
    await clusters.virtual.delete(REQUESTS, { namespace: 'default', name: first.metadata?.name ?? '' });
    const second = await eventually('it is asked for again', async () => {
      const [request] = await signer.open('patient');
      return request?.metadata?.uid !== first.metadata?.uid && request;
    });
    await signer.issue(second);
    await eventually('the certificate is there', () => secretOf('patient'));
  });

  test('an answer of the signer that is quicker than that of the API server is not missed', async () => {
    await clusters.createPod(
      'overtaken',
      volume({ podCertificate: { signerName: SIGNER, keyType: 'ED25519', credentialBundlePath: 'all.pem' } }),
    );
    await clusters.running('overtaken');
    const first = await asked('overtaken');
    const { virtual, caches } = clusters.syncer;
    const create = virtual.create.bind(virtual);
    virtual.create = async (type, object, options) => {
      const created = await create(type, object, options);
      if (type.resource !== REQUESTS.resource) return created;
      await signer.issue(await asked('overtaken'));
      await eventually("the syncer's watch has brought the signer's answer", () => {
        const requests = caches.find('virtual', REQUESTS.group, REQUESTS.kind);
        const seen = requests?.get(`default/${created.metadata?.name}`) as SignedRequest | undefined;
        return Promise.resolve((seen?.status?.conditions ?? []).length > 0);
      });
      return created;
    };
    try {
      // Another one is asked for, while nothing else happens to the pod.
      await clusters.virtual.delete(REQUESTS, { namespace: 'default', name: first.metadata?.name ?? '' });
      await eventually('the certificate is there', () => secretOf('overtaken'));
    } finally {
      virtual.create = create;
    }
  });

  test('the API server takes requests for all types of keys', async () => {
    const sources = KEY_TYPES.map((keyType, index) => ({
      podCertificate: { signerName: SIGNER, keyType, credentialBundlePath: `${index}.pem` },
    }));
    await clusters.createPod('all-types', volume(...sources));
    await eventually('all sources ask', async () => (await signer.open('all-types')).length === KEY_TYPES.length);
  });
});

describe('where the virtual cluster does not have the API', () => {
  beforeAll(async () => {
    // An API server with PodCertificateRequests but without their API is never ready.
    const flags = ['--runtime-config=certificates.k8s.io/v1=false', '--feature-gates=PodCertificateRequest=false'];
    clusters = await TwoClusters.start({ virtual: { version: KUBERNETES_MINOR, flags } });
  });

  afterAll(async () => {
    await clusters?.stop();
  });

  test('a pod with trust anchors is refused with a remedy, and others are not held up', async () => {
    await clusters.createPod('refused', volume({ clusterTrustBundle: { name: 'company', path: 'ca.crt' } }));
    const refusal = await eventually('the pod is refused', async () => {
      const found = await condition('refused');
      return found?.reason === 'Unsupported' && found;
    });
    expect(refusal.message).toMatch(
      /^spec\.volumes\[0\]\.projected\.sources\[0\]\.clusterTrustBundle needs .*; switch the API .*, or mount /,
    );
    expect(await clusters.twin(resources.pods, 'refused')).toBeUndefined();
    await clusters.createPod('other');
    await clusters.running('other');
  });
});
