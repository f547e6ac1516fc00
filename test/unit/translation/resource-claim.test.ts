import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  podReferences,
  syncerRights,
  translatePod,
  translateResourceClaim,
  virtualClaimStatusPatch,
  type ResourceClaim,
} from '../../../syncer/translation';
import type { Field } from '../../../syncer/translation/fields';
import { RESOURCE_CLAIM_SPEC } from '../../../syncer/translation/resource-claim';
import { resolveConfiguration } from '../../../syncer/configuration/document';
import { anchor, contextWith, identity, podWith, refusal, translated, unwrap } from './fixtures';

const context = { identity, anchor };
const ENABLED = { resourceClaims: true };
const exactly = { deviceClassName: 'gpu.example.com', allocationMode: 'ExactCount', count: 1 };
const claimWith = (request: object, more: object = {}): ResourceClaim => ({
  metadata: { name: 'card', namespace: 'shop', uid: 'claim-uid', labels: { app: 'a' } },
  spec: { devices: { requests: [{ name: 'one', ...request }], ...more } },
});

describe('the table of ResourceClaimSpec', () => {
  const folder = join(__dirname, 'api-fields');
  const lists = readdirSync(folder).filter((name) => name.startsWith('resource-claim-spec.'));

  test.each(lists)('has every field of %s', (name) => {
    const missing = readFileSync(join(folder, name), 'utf8')
      .trim()
      .split('\n')
      .filter((path) => {
        let field: Field<never> | undefined = RESOURCE_CLAIM_SPEC as Field<never>;
        for (const step of path.replace(/\{\}$/, '').split(/\.|(?=\[\])/)) {
          if (field?.class === 'list' && step === '[]') field = field.item;
          else if (field?.class === 'object') field = field.fields.get(step);
          // Lists of scalars are leaves.
          else if (step !== '[]') field = undefined;
        }
        return field === undefined || field.class === 'object' || field.class === 'list';
      });
    expect(missing).toEqual([]);
  });
});

describe('a resource claim', () => {
  test('becomes one of the host for the same devices, with opaque parameters as they are', () => {
    const opaque = JSON.parse(
      '{"driver": "d.example", "parameters": {"__proto__": 1, "kind": "Config", "list": [{}]}}',
    );
    const claim = claimWith({ exactly }, { config: [{ requests: ['one'], opaque }] });
    const host = unwrap(translateResourceClaim(claim, context));
    expect(host).toMatchObject({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'card-x-shop-x-my-vc', namespace: 'team-a', labels: { 'label.nestling.dev/app': 'a' } },
    });
    expect(JSON.stringify(host.spec)).toBe(JSON.stringify(claim.spec));
  });

  test('is refused where it asks for devices that others use', () => {
    const claim = claimWith({ exactly: { ...exactly, adminAccess: true } });
    expect(refusal(translateResourceClaim(claim, context))).toMatch(
      /^Unsupported: spec\.devices\.requests\[0\]\.exactly\.adminAccess gives access .*; leave it out$/,
    );
  });

  test('goes without derived attributes to no host that does not know them', () => {
    const derivedAttributes = [{ name: 'a', expression: 'b' }];
    const claim = claimWith({ exactly: { ...exactly, derivedAttributes } });
    expect(translateResourceClaim(claim, { ...context, hostMinor: 37 }).ok).toBe(true);
    expect(refusal(translateResourceClaim(claim, { ...context, hostMinor: 36 }))).toMatch(/^HostTooOld: spec\.devices/);
  });

  test('is a right of the syncer only where claims are synced', () => {
    const rights = (enabled: boolean): readonly string[] => {
      const head = { apiVersion: 'nestling.dev/v1alpha1', kind: 'SyncerConfiguration', virtualCluster: { name: 'a' } };
      const configuration = resolveConfiguration({ ...head, sync: { toHost: { resourceClaims: { enabled } } } });
      return syncerRights(configuration).flatMap((right) => right.resources);
    };
    expect(rights(true)).toContain('resourceclaims');
    expect(rights(false)).not.toContain('resourceclaims');
  });
});

describe('a virtual claim shows', () => {
  const allocation = { devices: { results: [{ request: 'one', driver: 'd', pool: 'node-1', device: 'gpu-0' }] } };
  const pod = (uid: string) => ({ resource: 'pods', name: `pod-${uid}`, uid });

  test('what the host allocated, and for which of its pods', () => {
    const devices = [{ driver: 'd', pool: 'node-1', device: 'gpu-0' }];
    expect(virtualClaimStatusPatch({ allocation, devices }, {}, [pod('a')])).toEqual({
      allocation,
      devices,
      reservedFor: [pod('a')],
    });
    expect(
      virtualClaimStatusPatch({ allocation }, { allocation, reservedFor: [pod('a')] }, [pod('a')]),
    ).toBeUndefined();
  });

  test('pods that come, beside those that its own controller added, and takes none from that', () => {
    const virtual = { allocation, reservedFor: [pod('a')] };
    expect(virtualClaimStatusPatch({ allocation }, virtual, [pod('b')])).toEqual({ reservedFor: [pod('a'), pod('b')] });
    expect(virtualClaimStatusPatch({ allocation }, virtual, [])).toBeUndefined();
  });

  test('nothing once the host took the allocation back, nor while there is none', () => {
    const nothing = { allocation: null, devices: null, reservedFor: null };
    expect(virtualClaimStatusPatch({}, { allocation, reservedFor: [pod('a')] }, [])).toEqual(nothing);
    expect(virtualClaimStatusPatch(undefined, undefined, [pod('a')])).toBeUndefined();
    // Another one takes two patches, as an allocation cannot be changed.
    const other = { devices: { results: [] } };
    expect(virtualClaimStatusPatch({ allocation: other }, { allocation }, [pod('a')])).toEqual(nothing);
  });
});

describe('a pod with a resource claim', () => {
  const spec = (claim: object) => ({
    resourceClaims: [{ name: 'gpu', ...claim }],
    containers: [{ name: 'main', image: 'a', resources: { claims: [{ name: 'gpu', request: 'one' }] } }],
  });
  const hostClaim = (name: string) => ({ name: 'gpu', resourceClaimName: `${name}-x-shop-x-my-vc` });

  test('names its twin, and so do its containers', () => {
    const pod = podWith(spec({ resourceClaimName: 'card' }));
    const host = translated(pod, ENABLED).spec as { resourceClaims?: unknown; containers: { resources?: object }[] };
    expect(host.resourceClaims).toEqual([hostClaim('card')]);
    expect(host.containers[0]?.resources).toEqual({ claims: [{ name: 'gpu', request: 'one' }] });
  });

  test('from a template waits for its claim, and then names the twin of that', () => {
    const pod = podWith(spec({ resourceClaimTemplateName: 'cards' }));
    expect(refusal(translatePod(pod, contextWith(ENABLED)))).toMatch(
      /^ResourceClaimNotReady: spec\.resourceClaims: "gpu" has no claim yet/,
    );
    const status = { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'web-gpu-x7k2p' }] };
    const ready = { ...pod, status } as typeof pod;
    const translation = translatePod(ready, contextWith(ENABLED));
    expect((translated(ready, ENABLED).spec as { resourceClaims?: unknown }).resourceClaims).toEqual([
      hostClaim('web-gpu-x7k2p'),
    ]);
    expect(translation.ok && translation.references).toEqual(podReferences(ready));
    expect(podReferences(ready)).toEqual([
      { kind: 'ResourceClaim', namespace: 'shop', name: 'web-gpu-x7k2p', optional: false },
    ]);
  });

  test('is refused where claims are not synced, with the setting for it', () => {
    for (const claim of [{ resourceClaimName: 'card' }, { resourceClaimTemplateName: 'cards' }]) {
      expect(refusal(translatePod(podWith(spec(claim)), contextWith()))).toMatch(
        /^Unsupported: spec\.resourceClaims\[0\] uses .*sync\.toHost\.resourceClaims$/,
      );
    }
  });
});
