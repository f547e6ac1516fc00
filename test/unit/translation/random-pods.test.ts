import * as fc from 'fast-check';
import type { Pod } from 'kubernetes-types/core/v1';
import { podReferences, translatePod, virtualPodStatusPatch, hostPodPatch } from '../../../syncer/translation';
import { contextWith, podWith } from './fixtures';

// Names longer than a host name keeps: where one is found whole in a host object, it was not translated.
const name = fc.stringMatching(/^[a-z]{3}$/).map((start) => `${start}-${'untranslated-'.repeat(5)}end`);
const optional = fc.option(fc.boolean(), { nil: undefined });
const key = fc.constant('key');
const named = fc.record({ name, optional });
const labels = fc.dictionary(
  fc.constantFrom('app', 'a.b/c', 'tier', '__proto__', 'constructor', 'nestling.dev/namespace'),
  fc.constantFrom('a', 'b'),
);
const selector = fc.record(
  {
    matchLabels: labels,
    matchExpressions: fc.array(
      fc.record({ key: fc.constantFrom('app', 'x/y'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const fieldRef = fc.record({
  fieldPath: fc.constantFrom(
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    'metadata.labels',
    "metadata.labels['app']",
    "metadata.annotations['x']",
    'spec.nodeName',
  ),
});
const envFieldRef = fieldRef.filter(({ fieldPath }) => fieldPath !== 'metadata.labels');
const variable = fc
  .oneof(
    fc.record({ configMapKeyRef: fc.record({ name, optional, key }) }),
    fc.record({ secretKeyRef: fc.record({ name, optional, key }) }),
    fc.record({ fieldRef: envFieldRef }),
  )
  .map((valueFrom) => ({ name: 'A', valueFrom }));
const container = fc.record(
  {
    name: fc.constantFrom('a', 'b'),
    image: fc.constantFrom('i:1', 'i:2'),
    env: fc.array(variable, { maxLength: 3 }),
    envFrom: fc.array(fc.oneof(fc.record({ configMapRef: named }), fc.record({ secretRef: named })), { maxLength: 2 }),
  },
  { requiredKeys: ['name', 'image'] },
);
const source = fc.oneof(
  fc.record({ configMap: named }),
  fc.record({ secret: named }),
  fc.record({ downwardAPI: fc.record({ items: fc.array(fc.record({ path: key, fieldRef }), { maxLength: 2 }) }) }),
  fc.record({ serviceAccountToken: fc.record({ path: key, audience: fc.constantFrom('', 'vault') }) }),
  fc.record({ clusterTrustBundle: fc.record({ path: key, signerName: name, labelSelector: selector, optional }) }),
  fc.record({ podCertificate: fc.record({ keyPath: key, signerName: name, keyType: fc.constant('ED25519') }) }),
);
const volume = fc
  .tuple(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(
      fc.record({ configMap: named }),
      fc.record({ secret: fc.record({ secretName: name, optional }) }),
      fc.record({ persistentVolumeClaim: fc.record({ claimName: name }) }),
      fc.record({ projected: fc.record({ sources: fc.array(source, { maxLength: 4 }) }) }),
      fc.record({ csi: fc.record({ driver: fc.constant('d'), nodePublishSecretRef: fc.record({ name }) }) }),
      fc.record({ ephemeral: fc.record({ volumeClaimTemplate: fc.record({ metadata: fc.record({ name }) }) }) }),
      fc.record({ iscsi: fc.record({ secretRef: fc.record({ name }) }) }),
      fc.constant({ emptyDir: {} }),
    ),
  )
  .map(([volumeName, content]) => ({ name: volumeName, ...content }));
const term = fc.record(
  {
    topologyKey: fc.constant('zone'),
    labelSelector: selector,
    namespaceSelector: selector,
    namespaces: fc.array(name, { maxLength: 2 }),
    matchLabelKeys: fc.constant(['app']),
  },
  { requiredKeys: ['topologyKey'] },
);
const spec = fc.record(
  {
    containers: fc.uniqueArray(container, { minLength: 1, maxLength: 3, selector: (one) => one.name }),
    initContainers: fc.uniqueArray(container, { maxLength: 2, selector: (one) => one.name }),
    ephemeralContainers: fc.array(container, { maxLength: 1 }),
    volumes: fc.array(volume, { maxLength: 5 }),
    imagePullSecrets: fc.array(fc.record({ name }), { maxLength: 2 }),
    serviceAccountName: name,
    serviceAccount: name,
    priorityClassName: name,
    schedulerName: name,
    subdomain: name,
    nodeName: fc.constant('node-1'),
    affinity: fc.record({
      podAntiAffinity: fc.record({ requiredDuringSchedulingIgnoredDuringExecution: fc.array(term, { maxLength: 3 }) }),
    }),
    topologySpreadConstraints: fc.array(fc.record({ labelSelector: selector, maxSkew: fc.constant(1) }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: ['containers'] },
);
const pod = fc.tuple(spec, labels).map(([content, own]) => podWith(content, { labels: own, annotations: { x: 'y' } }));

/** All strings of an object, with those that name virtual namespaces, which host pods may show, left out. */
function strings(value: unknown, path = ''): string[] {
  if (path.endsWith('matchExpressions.values')) return [];
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([at, inner]) => [
    at,
    ...strings(inner, Array.isArray(value) ? path : `${path}.${at}`),
  ]);
}

function withoutEphemeralContainers(virtual: Pod): Pod {
  const spec = { ...virtual.spec! };
  delete spec.ephemeralContainers;
  return { ...virtual, spec };
}

describe('any pod', () => {
  test('reaches the host without a name of the tenant’s that is not translated', () => {
    fc.assert(
      fc.property(pod, labels, (virtual, namespaceLabels) => {
        const translation = translatePod(virtual, contextWith({ namespaceLabels }));
        expect(translation.ok).toBe(true);
        if (!translation.ok) return;
        const { spec: hostSpec, metadata } = translation.object;
        expect(strings(hostSpec).filter((one) => one.includes('untranslated-'.repeat(5)))).toEqual([]);
        expect(metadata?.labels?.['nestling.dev/namespace']).toBe('shop');
        for (const label of Object.keys(metadata?.labels ?? {}))
          expect(label).toMatch(/^((namespace-)?label\.)?nestling\.dev\//);
      }),
      { numRuns: 500 },
    );
  });

  test('needs the objects that podReferences finds without translating', () => {
    const sorted = (list: readonly object[]): string[] => list.map((one) => JSON.stringify(one)).sort();
    fc.assert(
      fc.property(pod, (virtual) => {
        const created = withoutEphemeralContainers(virtual);
        const translation = translatePod(created, contextWith());
        expect(translation.ok && sorted(translation.references)).toEqual(sorted(podReferences(created)));
      }),
      { numRuns: 300 },
    );
  });

  test('has nothing to patch right after it was created', () => {
    fc.assert(
      fc.property(pod, (virtual) => {
        const created = withoutEphemeralContainers(virtual);
        const translation = translatePod(created, contextWith());
        if (!translation.ok) throw new Error(translation.message);
        expect(hostPodPatch(created, translation.object, contextWith())).toBeUndefined();
        expect(virtualPodStatusPatch(translation.object, created)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  test('of whatever JSON is translated or refused, and never throws', () => {
    const json = fc.object({
      maxDepth: 6,
      key: fc.constantFrom(
        'spec',
        'containers',
        'volumes',
        'name',
        'env',
        'affinity',
        'labels',
        'projected',
        'sources',
        '__proto__',
        'constructor',
        'podAffinity',
        'labelSelector',
        'topologySpreadConstraints',
        'valueFrom',
        'fieldRef',
      ),
      values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant([{}])],
    });
    fc.assert(
      fc.property(json, (content) => {
        expect(typeof translatePod({ ...podWith(), spec: content } as unknown as Pod, contextWith()).ok).toBe(
          'boolean',
        );
      }),
      { numRuns: 1000 },
    );
  });
});
