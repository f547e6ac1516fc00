import {
  ownedBy,
  podTrustSources,
  translateTrustAnchors,
  trustAnchors,
  trustAnchorsName,
} from '../../../syncer/translation';
import type { ClusterTrustBundle } from '../../../syncer/translation';
import { certificatePem, pemContents } from '../../../syncer/translation/pem';
import { matchesLabels } from '../../../syncer/translation/label-selector';
import { anchor, identity, podWith, translated } from './fixtures';

const certificate = (text: string): string => certificatePem(Buffer.from(text.repeat(40)));
const bundle = (
  name: string,
  certificates: string,
  signerName?: string,
  labels: Record<string, string> = {},
): ClusterTrustBundle => ({
  metadata: { name, labels },
  spec: { trustBundle: certificates, ...(signerName === undefined ? {} : { signerName }) },
});
const [a, b, c] = ['a', 'b', 'c'].map(certificate) as [string, string, string];
const SIGNER = 'example.org/ca';
const bundles = [
  bundle('plain', a),
  bundle('example.org:ca:old', a + b, SIGNER, { live: 'false' }),
  bundle('example.org:ca:new', c + b, SIGNER, { live: 'true', track: 'new' }),
  bundle('example.org:other:new', certificate('d'), 'example.org/other', { live: 'true' }),
];
const sources = (pem: string) => pem.match(/-----BEGIN CERTIFICATE-----\n[^-]*-----END CERTIFICATE-----\n/g) ?? [];

/** The certificates of a file, in any order. */
function filed(source: object): string[] {
  const anchors = trustAnchors({ path: 'ca.crt', ...source }, bundles);
  if (!anchors.ok) throw new Error(anchors.missing);
  expect(sources(anchors.pem).join('')).toBe(anchors.pem);
  return [...sources(anchors.pem)].sort();
}

describe('trust anchors', () => {
  test('of a named bundle are its certificates', () => expect(filed({ name: 'plain' })).toEqual([a]));

  test('of a signer are those of its bundles that the selector matches, each once', () => {
    expect(filed({ signerName: SIGNER, labelSelector: {} })).toEqual([a, b, c].sort());
    expect(filed({ signerName: SIGNER, labelSelector: { matchLabels: { live: 'true' } } })).toEqual([b, c].sort());
  });

  test('have an order of their own, whatever order the bundles have', () => {
    const source = { path: 'ca.crt', signerName: SIGNER, labelSelector: {} };
    expect(trustAnchors(source, bundles)).toEqual(trustAnchors(source, [...bundles].reverse()));
  });

  test.each([
    [{ name: 'none' }, 'names the ClusterTrustBundle "none", which does not exist; '],
    [
      { signerName: 'example.org/none', labelSelector: {} },
      'matches no ClusterTrustBundle of signer "example.org/none"; ',
    ],
    [
      { signerName: SIGNER, labelSelector: { matchLabels: { live: 'maybe' } } },
      'matches no ClusterTrustBundle of signer "example.org/ca"; ',
    ],
    [{ signerName: SIGNER }, 'has no labelSelector, which matches no ClusterTrustBundle; set it to {}'],
    [{}, 'has neither name nor signerName; set one of them'],
  ])('that there are none of for %j are missing, or an empty file if optional', (source, missing) => {
    const wanted = { path: 'ca.crt', ...source };
    expect(trustAnchors(wanted, bundles)).toEqual({ ok: false, missing: expect.stringContaining(missing) as string });
    expect(trustAnchors({ ...wanted, optional: true }, bundles)).toEqual({ ok: true, pem: '' });
  });

  test('are written without what stands between and in blocks', () => {
    const untidy = `text\n${a.replace('-----\n', '-----\nProc-Type: 4\n\n')}\nmore\n${b.replaceAll('\n', '\r\n')}-----BEGIN X-----\nAA`;
    expect([...pemContents(untidy)].map(certificatePem)).toEqual([a, b]);
  });

  test('of many beginnings without an end are found in no time', () => {
    expect([...pemContents('-----BEGIN A-----\n'.repeat(60_000))]).toEqual([]);
  });

  test('are mounted from one ConfigMap beside the pod, which names the pod', () => {
    const pod = podWith({
      securityContext: { fsGroup: 1 },
      volumes: [
        { name: 'own', projected: { sources: [{ clusterTrustBundle: { name: 'plain', path: 'a/ca.crt' } }] } },
        {
          name: 'all',
          projected: {
            sources: [
              { secret: { name: 'x' } },
              { clusterTrustBundle: { signerName: SIGNER, labelSelector: {}, optional: true, path: 'all.crt' } },
            ],
          },
        },
      ],
    });
    expect(podTrustSources(pod).map(({ key, path }) => [key, path])).toEqual([
      ['own.0', 'spec.volumes[0].projected.sources[0].clusterTrustBundle'],
      ['all.1', 'spec.volumes[1].projected.sources[1].clusterTrustBundle'],
    ]);
    const name = trustAnchorsName(identity, 'shop', 'web');
    const { volumes = [] } = translated(pod).spec ?? {};
    expect(volumes.map(({ projected }) => projected?.sources?.at(-1))).toEqual([
      { configMap: { name, items: [{ key: 'own.0', path: 'a/ca.crt', mode: 0o600 }] } },
      { configMap: { name, items: [{ key: 'all.1', path: 'all.crt', mode: 0o600 }] } },
    ]);
    const configMap = translateTrustAnchors(pod, new Map([['own.0', a]]), { identity, anchor });
    expect(configMap).toMatchObject({ metadata: { name, namespace: 'team-a' }, data: { 'own.0': a } });
    expect(ownedBy(configMap, identity)).toEqual({
      namespace: 'shop',
      name: 'web',
      uid: 'pod-uid',
      kind: 'ClusterTrustBundleProjection',
    });
    expect(ownedBy({ ...configMap, kind: 'Secret' }, identity)).toBeUndefined();
  });
});

test.each([
  ['nothing', undefined, false],
  ['an empty selector', {}, true],
  ['labels', { matchLabels: { a: '1' } }, true],
  ['another value', { matchLabels: { a: '2' } }, false],
  ['a label that objects inherit', { matchLabels: { constructor: '1' } }, false],
  ['In', { matchExpressions: [{ key: 'a', operator: 'In', values: ['0', '1'] }] }, true],
  ['In without the label', { matchExpressions: [{ key: 'b', operator: 'In', values: ['1'] }] }, false],
  ['NotIn', { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, false],
  ['NotIn without the label', { matchExpressions: [{ key: 'b', operator: 'NotIn', values: ['1'] }] }, true],
  ['Exists', { matchExpressions: [{ key: 'a', operator: 'Exists' }] }, true],
  ['Exists without the label', { matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, false],
  ['DoesNotExist', { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, false],
  ['an unknown operator', { matchExpressions: [{ key: 'a', operator: 'Like', values: ['1'] }] }, false],
])('a selector, %s, matches as in Kubernetes', (_what, selector, expected) => {
  expect(matchesLabels(selector, { a: '1' })).toBe(expected);
});
