import { formatMap, goQuote } from '../../../syncer/translation/go-quote';
import { hostAnnotationKey, hostLabelKey, hostPodPatch, translatePod } from '../../../syncer/translation';
import { contextWith, podWith, refusal, translated } from './fixtures';

/** What a kubelet would read on the host for a field of a virtual pod. */
function seen(fieldPath: string, metadata: object = {}, spec: object = {}): string | undefined {
  const env = [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } }];
  const host = translated(podWith({ ...spec, containers: [{ name: 'main', image: 'a', env }] }, metadata));
  const path = host.spec?.containers[0]?.env?.at(-1)?.valueFrom?.fieldRef?.fieldPath ?? '';
  const [, map, key = ''] = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path) ?? [];
  return map === undefined ? path : host.metadata?.[map as 'labels']?.[key];
}

const metadata = {
  labels: { app: 'web', 'a.b/c': 'd' },
  annotations: { note: 'line\n"two" ä\u0007\u200b', 'UPPER.com/x': 'y' },
};

describe('the downward API shows', () => {
  test.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'pod-uid'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['a.b/c']", 'd'],
    ["metadata.annotations['note']", metadata.annotations.note],
    ["metadata.annotations['UPPER.com/x']", 'y'],
    ['metadata.labels', 'a.b/c="d"\napp="web"'],
    ['metadata.annotations', 'UPPER.com/x="y"\nnote="line\\n\\"two\\" ä\\a\\u200b"'],
    ['spec.serviceAccountName', 'robot'],
    ['spec.nodeName', 'spec.nodeName'],
    ['status.podIPs', 'status.podIPs'],
  ])('%s of the virtual pod', (fieldPath, value) => {
    expect(seen(fieldPath, metadata, { serviceAccountName: 'robot' })).toBe(value);
  });

  test('nothing for a label or annotation that the pod does not have', () => {
    for (const key of ['absent', '__proto__', 'constructor']) {
      expect(seen(`metadata.labels['${key}']`, metadata)).toBeUndefined();
      expect(seen(`metadata.annotations['${key}']`, metadata)).toBeUndefined();
    }
  });

  test('the same in volumes', () => {
    const item = (fieldPath: string): object => ({ path: 'a', fieldRef: { fieldPath } });
    const volumes = [
      {
        name: 'a',
        downwardAPI: { items: [item('metadata.labels'), { path: 'b', resourceFieldRef: { resource: 'limits.cpu' } }] },
      },
      { name: 'b', projected: { sources: [{ downwardAPI: { items: [item("metadata.labels['app']")] } }] } },
    ];
    const { spec, metadata: host } = translated(podWith({ volumes }, metadata));
    expect(spec?.volumes?.[0]?.downwardAPI?.items).toEqual([
      item("metadata.annotations['nestling.dev/labels']"),
      { path: 'b', resourceFieldRef: { resource: 'limits.cpu' } },
    ]);
    expect(spec?.volumes?.[1]?.projected?.sources?.[0]?.downwardAPI?.items).toEqual([
      item(`metadata.labels['${hostLabelKey('app')}']`),
    ]);
    expect(host?.annotations).toMatchObject({ 'nestling.dev/labels': 'a.b/c="d"\napp="web"' });
  });

  test('changes while the pod runs', () => {
    const spec = {
      volumes: [
        { name: 'a', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: "metadata.annotations['note']" } }] } },
      ],
    };
    const host = translated(podWith(spec, { annotations: { note: 'old' } }));
    const changed = podWith(spec, { annotations: { note: 'new' } });
    expect(hostPodPatch(changed, host, contextWith())).toMatchObject({
      metadata: { annotations: { [hostAnnotationKey('note')]: 'new' } },
    });
    expect(hostPodPatch(podWith(spec), host, contextWith())).toMatchObject({
      metadata: { annotations: { [hostAnnotationKey('note')]: null } },
    });
  });

  test('no field that is not known', () => {
    const pod = podWith({
      volumes: [{ name: 'a', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'spec.secrets' } }] } }],
    });
    expect(refusal(translatePod(pod, contextWith()))).toMatch(
      'spec.volumes[0].downwardAPI.items[0].fieldRef.fieldPath is "spec.secrets", which this version does not know',
    );
  });
});

test.each([
  ['', '""'],
  ['plain ~!', '"plain ~!"'],
  ['\\', '"\\\\"'],
  ['\u0000\u007f', '"\\x00\\x7f"'],
  ['日本', '"日本"'],
  ['\u00a0', '"\\u00a0"'],
  ['😀', '"😀"'],
  ['\u{e0001}', '"\\U000e0001"'],
])('%j is quoted as Go quotes it', (text, quoted) => expect(goQuote(text)).toBe(quoted));

test('maps are sorted by bytes of their keys', () => {
  expect(formatMap({ b: '1', B: '2', a: '3' })).toBe('B="2"\na="3"\nb="1"');
});
