import { minorOf, OLDEST_HOST_MINOR, translatePod, unkeptFields, unknownFieldsText } from '../../../syncer/translation';
import { YOUNG_FIELDS } from '../../../syncer/translation/host-version';
import { contextWith, podWith, refusal, translated } from './fixtures';

const container = (fields: object): object => ({ containers: [{ name: 'main', image: 'a', ...fields }] });
const volume = (fields: object): object => ({ volumes: [{ name: 'data', ...fields }] });

/** Each rule with a pod whose value means something, and one whose value says what an older host does anyway. */
const CASES: readonly {
  readonly path: string;
  readonly spec: (value: unknown) => object;
  readonly told: unknown;
  readonly implied: unknown;
}[] = [
  {
    path: 'spec.containers[0].livenessProbe.httpGet.protocol',
    spec: (protocol) => container({ livenessProbe: { httpGet: { port: 80, protocol } } }),
    told: 'HTTP2',
    implied: 'HTTP1',
  },
  {
    path: 'spec.containers[0].lifecycle.preStop.httpGet.protocol',
    spec: (protocol) => container({ lifecycle: { preStop: { httpGet: { port: 80, protocol } } } }),
    told: 'HTTP2',
    implied: 'HTTP1',
  },
  {
    path: 'spec.containers[0].readinessProbe.grpc.mode',
    spec: (mode) => container({ readinessProbe: { grpc: { port: 80, mode } } }),
    told: 'TLS',
    implied: 'Plaintext',
  },
  {
    path: 'spec.containers[0].volumeMounts[0].bindMountOptions',
    spec: (bindMountOptions) => container({ volumeMounts: [{ name: 'data', mountPath: '/data', bindMountOptions }] }),
    told: ['noexec'],
    implied: [],
  },
  {
    path: 'spec.volumes[0].emptyDir.mode',
    spec: (mode) => volume({ emptyDir: { mode } }),
    told: 0o700,
    implied: 0o777,
  },
  {
    path: 'spec.volumes[0].configMap.defaultUser',
    spec: (defaultUser) => volume({ configMap: { name: 'settings', defaultUser } }),
    told: 1000,
    implied: 0,
  },
  {
    path: 'spec.volumes[0].projected.sources[0].serviceAccountToken.user',
    spec: (user) => volume({ projected: { sources: [{ serviceAccountToken: { path: 'token', user } }] } }),
    told: 1000,
    implied: 0,
  },
  {
    path: 'spec.volumes[0].downwardAPI.items[0].user',
    spec: (user) =>
      volume({ downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' }, user }] } }),
    told: 1000,
    implied: 0,
  },
];

describe.each(CASES)('$path', ({ path, spec, told, implied }) => {
  const key = path.split('.').at(-1) ?? '';

  test('goes to a host that has it, and to one whose version is not known', () => {
    for (const hostMinor of [37, 38, undefined]) {
      expect(JSON.stringify(translated(podWith(spec(told)), { hostMinor }).spec)).toContain(`"${key}":`);
    }
  });

  test('is refused for an older host, with its path, the version and the remedy', () => {
    expect(refusal(translatePod(podWith(spec(told)), contextWith({ hostMinor: 36 })))).toMatch(
      new RegExp(
        `^HostTooOld: ${path.replace(/[[\].]/g, '\\$&')} needs Kubernetes 1\\.37 on the host, which has 1\\.36; \\w`,
      ),
    );
  });

  test('is left out for an older host when it says what that does anyway', () => {
    const { spec: host } = translated(podWith(spec(implied)), { hostMinor: 35 });
    expect(JSON.stringify(host)).not.toContain(`"${key}":`);
  });
});

test('a pod that can be had on no host is not told to wait for a newer one', () => {
  const pod = podWith({ ...volume({ emptyDir: { mode: 0o700 } }), resourceClaims: [{ name: 'gpu' }] });
  const text = refusal(translatePod(pod, contextWith({ hostMinor: 35 })));
  expect(text).toMatch(/^Unsupported: /);
  expect(text).toContain('spec.volumes[0].emptyDir.mode needs');
  expect(text).toContain('spec.resourceClaims[0] ');
});

test('no rule is older than the oldest host', () => {
  for (const { since } of Object.values(YOUNG_FIELDS)) {
    expect(since?.minor).toBeGreaterThan(OLDEST_HOST_MINOR);
    expect(since?.remedy).toMatch(/\w/);
  }
});

test.each([
  ['v1.35.4', 35],
  ['v1.36.0-gke.1234', 36],
  ['v1.37.2+k3s1', 37],
  ['1.40.1', 40],
  ['v2.0.0', undefined],
  ['', undefined],
])('the minor of %s is %s', (version, minor) => {
  expect(minorOf(version)).toBe(minor);
});

describe('what strict decoding refuses', () => {
  const message =
    'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].env[3].from", unknown field "spec.volumes[1].emptyDir.mode", unknown field "spec.volumes[2].emptyDir.mode"';

  test("is told with each field, the host's version and the remedy, without the host's indices", () => {
    expect(unknownFieldsText(message, 35)).toBe(
      'spec.containers[].env[].from, spec.volumes[].emptyDir.mode: not known to Kubernetes 1.35 of the host; leave it out, or ask the platform for a newer host',
    );
    expect(unknownFieldsText(message, undefined)).toContain('not known to the Kubernetes of the host');
  });

  test('is found in a quoted message too, and nothing in another', () => {
    expect(
      unknownFieldsText('Invalid value: "...": strict decoding error: unknown field \\"spec.young\\"', 35),
    ).toMatch(/^spec\.young: not known/);
    expect(
      unknownFieldsText(
        'Invalid value: "map[a:unknown field \"b\"]": strict decoding error: unknown field "spec.young"',
        35,
      ),
    ).toMatch(/^spec\.young: not known/);
    expect(unknownFieldsText('pods "a" is forbidden: unknown field "x"', 35)).toBeUndefined();
    expect(unknownFieldsText('strict decoding error: duplicate field "spec.a"', 35)).toBeUndefined();
  });
});

describe('fields that a server did not keep', () => {
  test('are found wherever they stand, each once', () => {
    const sent = {
      a: 1,
      gone: { deep: true },
      containers: [
        { name: 'main', image: 'x', young: 'y' },
        { name: 'side', young: 'y' },
      ],
      tolerations: [{ key: 'a', young: 1 }],
    };
    const kept = {
      a: 1,
      containers: [{ name: 'injected' }, { name: 'side' }, { name: 'main', image: 'x' }],
      tolerations: [{ key: 'a' }],
    };
    expect(unkeptFields(sent, kept, 'spec')).toEqual([
      'spec.gone',
      'spec.containers[].young',
      'spec.tolerations[].young',
    ]);
  });

  test('are none where a server left out what says nothing, added something or spelled it otherwise', () => {
    const sent = {
      empty: {},
      none: [],
      off: false,
      zero: 0,
      text: '',
      deep: { empty: {} },
      cpu: '1000m',
      list: [{ a: 1 }],
    };
    expect(unkeptFields(sent, { cpu: '1', more: 1, list: [{ b: 1 }, { a: 1 }] }, 'spec')).toEqual([]);
  });
});
