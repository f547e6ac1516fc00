import {
  certificateSecretName,
  ownedBy,
  podCertificateSources,
  translatePodCertificates,
} from '../../../syncer/translation';
import { certificatePem } from '../../../syncer/translation/pem';
import { anchor, identity, podWith, translated } from './fixtures';

const [leaf, authority] = ['leaf', 'authority'].map((text) => certificatePem(Buffer.from(text))) as [string, string];
const request = { signerName: 'example.org/ca', keyType: 'ED25519' };
const pod = podWith({
  volumes: [
    {
      name: 'tls',
      projected: {
        sources: [
          { podCertificate: { ...request, credentialBundlePath: 'bundle.pem', userAnnotations: { 'a.b/c': 'd' } } },
          { podCertificate: { ...request, keyPath: 'k/key.pem', certificateChainPath: 'k/chain.pem' } },
        ],
      },
    },
  ],
});
const name = certificateSecretName(identity, 'shop', 'web');

test('certificates of a pod are mounted from one Secret beside it, each file under its path', () => {
  expect(podCertificateSources(pod).map(({ key, path }) => [key, path])).toEqual([
    ['tls.0', 'spec.volumes[0].projected.sources[0].podCertificate'],
    ['tls.1', 'spec.volumes[0].projected.sources[1].podCertificate'],
  ]);
  expect(translated(pod).spec?.volumes?.[0]?.projected?.sources).toEqual([
    { secret: { name, items: [{ key: 'tls.0', path: 'bundle.pem' }] } },
    {
      secret: {
        name,
        items: [
          { key: 'tls.1.key', path: 'k/key.pem' },
          { key: 'tls.1.chain', path: 'k/chain.pem' },
        ],
      },
    },
  ]);
});

test('the Secret has the files that the pod mounts, of those sources that have a certificate', () => {
  const issued = { privateKey: 'KEY\n', certificateChain: `before\n${leaf}between\n${authority}` };
  const read = (...keys: string[]) => {
    const secret = translatePodCertificates(pod, new Map(keys.map((key) => [key, issued])), { identity, anchor });
    const data = Object.entries(secret.data ?? {});
    return Object.fromEntries(data.map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  };
  expect(read('tls.0')).toEqual({ 'tls.0': `KEY\n${leaf}${authority}` });
  expect(read('tls.1', 'tls.7')).toEqual({ 'tls.1.key': 'KEY\n', 'tls.1.chain': leaf + authority });
});

test('the Secret names the pod', () => {
  const secret = translatePodCertificates(pod, new Map(), { identity, anchor });
  expect(secret.metadata?.name).toBe(name);
  expect(ownedBy(secret, identity)).toMatchObject({ name: 'web', uid: 'pod-uid', kind: 'PodCertificateProjection' });
});
