import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/* What a pod is given from other objects and from itself: files, variables, tokens, the downward API. */

const cluster = useVirtualCluster('pod-contents');
const tenant = new Tenant(cluster, 'shop');
const hostNameOf = (name: string): string =>
  hostName({ name: cluster.current.name, hostNamespace: cluster.current.namespace }, 'shop', name);

beforeAll(async () => {
  await tenant.prepare();
  await tenant.create(resources.configMaps, 'settings', { data: { colour: 'green', size: 'large', 'a.b': 'dotted' } });
  await tenant.create(resources.configMaps, 'fixed', { data: { shape: 'round' }, immutable: true });
  await tenant.create(resources.secrets, 'password', { stringData: { word: 'sesame', other: 'open' } });
  await tenant.create(resources.serviceAccounts, 'robot');
});

/** The claims of a token. */
function claims(token: string): {
  aud: string[];
  exp: number;
  iat: number;
  sub: string;
  'kubernetes.io': { namespace: string; pod: { name: string; uid: string }; serviceaccount: { name: string } };
} {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as ReturnType<typeof claims>;
}

test('volumes of config maps and secrets have the files, modes and paths that the pod asks for', async () => {
  await tenant.createPod('files', {
    containers: [
      idle('main', {
        volumeMounts: [
          { name: 'all', mountPath: '/all' },
          { name: 'some', mountPath: '/some' },
          { name: 'secret', mountPath: '/secret' },
          { name: 'all', mountPath: '/one-file', subPath: 'colour' },
          { name: 'missing', mountPath: '/missing' },
          { name: 'fixed', mountPath: '/fixed' },
        ],
      }),
    ],
    volumes: [
      { name: 'all', configMap: { name: 'settings' } },
      {
        name: 'some',
        configMap: { name: 'settings', defaultMode: 0o440, items: [{ key: 'size', path: 'deep/down', mode: 0o400 }] },
      },
      { name: 'secret', secret: { secretName: 'password', defaultMode: 0o400 } },
      { name: 'missing', configMap: { name: 'not-there', optional: true } },
      { name: 'fixed', configMap: { name: 'fixed' } },
    ],
  });
  await tenant.ready('files');
  const list =
    'for f in $(find /all/ /some/ /secret/ /fixed/ /missing/ -follow -type f ! -path "*..*" | sort); do echo $f $(stat -Lc %a $f) $(cat $f); done';
  expect((await tenant.shell('files', list)).split('\n')).toEqual([
    '/all/a.b 644 dotted',
    '/all/colour 644 green',
    '/all/size 644 large',
    '/fixed/shape 644 round',
    '/secret/other 400 open',
    '/secret/word 400 sesame',
    '/some/deep/down 400 large',
  ]);
  expect(await tenant.run('files', 'cat', '/one-file')).toBe('green');
  const twin = await tenant.onHost<Pod>(resources.pods, 'files');
  const named = (twin.spec?.volumes ?? []).map(({ configMap, secret }) => configMap?.name ?? secret?.secretName);
  expect(named.slice(0, 5)).toEqual(['settings', 'settings', 'password', 'not-there', 'fixed'].map(hostNameOf));
  const secret = await tenant.onHost<Secret>(resources.secrets, 'password');
  expect(secret.data).toEqual({ word: 'c2VzYW1l', other: 'b3Blbg==' });
});

test('variables come from config maps, secrets, each other and files, those of the pod’s own before all', async () => {
  await tenant.createPod('variables', {
    initContainers: [
      idle('writer', {
        command: ['sh', '-c', 'echo "FROM_FILE=\'written\'" > /work/variables'],
        volumeMounts: [{ name: 'work', mountPath: '/work' }],
      }),
    ],
    containers: [
      {
        ...idle('main', {
          envFrom: [
            { configMapRef: { name: 'settings' } },
            { prefix: 'P_', secretRef: { name: 'password' } },
            { configMapRef: { name: 'not-there', optional: true } },
          ],
        }),
        env: [
          { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
          { name: 'WORD', valueFrom: { secretKeyRef: { name: 'password', key: 'word' } } },
          { name: 'NOT_THERE', valueFrom: { secretKeyRef: { name: 'not-there', key: 'x', optional: true } } },
          { name: 'BOTH', value: '$(COLOUR)-$(WORD)-$$(WORD)' },
          { name: 'API', value: 'https://$(KUBERNETES_SERVICE_HOST)' },
          { name: 'size', value: 'own' },
          { name: 'FILE', valueFrom: { fileKeyRef: { volumeName: 'work', path: 'variables', key: 'FROM_FILE' } } },
        ],
      },
    ],
    volumes: [{ name: 'work', emptyDir: {} }],
  });
  await tenant.ready('variables');
  const environment = await tenant.environment('variables');
  const seen = (...names: string[]) => names.map((name) => environment.get(name));
  expect(seen('COLOUR', 'WORD', 'NOT_THERE', 'BOTH', 'colour', 'size', 'P_word', 'P_other', 'FILE')).toEqual([
    'green',
    'sesame',
    undefined,
    'green-sesame-$(WORD)',
    'green',
    'own',
    'sesame',
    'open',
    'written',
  ]);
  expect(environment.get('API')).toBe(`https://${environment.get('KUBERNETES_SERVICE_HOST')}`);
});

test('one projected volume has a config map, a secret, the downward API and tokens for two audiences', async () => {
  await tenant.createPod(
    'projected',
    {
      serviceAccountName: 'robot',
      containers: [
        idle('main', {
          resources: { limits: { memory: '64Mi' } },
          volumeMounts: [{ name: 'everything', mountPath: '/everything', readOnly: true }],
        }),
      ],
      volumes: [
        {
          name: 'everything',
          projected: {
            sources: [
              { configMap: { name: 'settings', items: [{ key: 'colour', path: 'config/colour' }] } },
              { secret: { name: 'password', items: [{ key: 'word', path: 'secret/word' }] } },
              {
                downwardAPI: {
                  items: [
                    { path: 'own/labels', fieldRef: { fieldPath: 'metadata.labels' } },
                    {
                      path: 'own/memory',
                      resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' },
                    },
                  ],
                },
              },
              { serviceAccountToken: { path: 'tokens/vault', audience: 'vault', expirationSeconds: 1200 } },
              {
                serviceAccountToken: { path: 'tokens/bank', audience: 'https://bank.example', expirationSeconds: 3000 },
              },
            ],
          },
        },
      ],
    },
    { labels: { app: 'all', 'shop.example/tier': 'front' } },
  );
  const { metadata } = await tenant.ready('projected');
  const read = (path: string) => tenant.run('projected', 'cat', `/everything/${path}`);
  expect(await read('config/colour')).toBe('green');
  expect(await read('secret/word')).toBe('sesame');
  expect(await read('own/labels')).toBe('app="all"\nshop.example/tier="front"');
  expect(await read('own/memory')).toBe('64');
  for (const [path, audience, seconds] of [
    ['tokens/vault', 'vault', 1200],
    ['tokens/bank', 'https://bank.example', 3000],
  ] as const) {
    const token = await read(path);
    const { aud, exp, iat, sub, 'kubernetes.io': bound } = claims(token);
    expect({ aud, seconds: exp - iat, sub }).toEqual({
      aud: [audience],
      seconds,
      sub: 'system:serviceaccount:shop:robot',
    });
    expect(bound).toMatchObject({
      namespace: 'shop',
      pod: { name: 'projected', uid: metadata?.uid },
      serviceaccount: { name: 'robot' },
    });
    const review = await cluster.current.virtual.create(
      {
        group: 'authentication.k8s.io',
        version: 'v1',
        resource: 'tokenreviews',
        kind: 'TokenReview',
        namespaced: false,
      },
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      } as never,
    );
    expect(review).toMatchObject({
      status: { authenticated: true, user: { extra: { 'authentication.kubernetes.io/pod-name': ['projected'] } } },
    });
  }
  const twin = await tenant.onHost<Pod>(resources.pods, 'projected');
  expect(JSON.stringify(twin.spec)).not.toContain('serviceAccountToken');
  expect(twin.spec?.automountServiceAccountToken).toBe(false);
});

test('a token of a pod for one user, or with a group, is readable by it', async () => {
  await tenant.createPod('one-user', { securityContext: { runAsUser: 1234, runAsGroup: 1234 } });
  await tenant.createPod('grouped', { securityContext: { runAsUser: 1234, runAsGroup: 1234, fsGroup: 4321 } });
  for (const name of ['one-user', 'grouped']) {
    await tenant.ready(name);
    const token = await tenant.run(name, 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token');
    expect(claims(token)['kubernetes.io'].pod.name).toBe(name);
  }
});

test('the downward API shows the virtual pod, in variables and files, also when its labels change', async () => {
  const variable = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  await tenant.createPod(
    'mirror',
    {
      serviceAccountName: 'robot',
      containers: [
        {
          ...idle('main', { resources: { requests: { cpu: '20m' }, limits: { cpu: '250m' } } }),
          volumeMounts: [{ name: 'self', mountPath: '/self' }],
          env: [
            variable('NAME', 'metadata.name'),
            variable('NAMESPACE', 'metadata.namespace'),
            variable('UID', 'metadata.uid'),
            variable('LABEL', "metadata.labels['shop.example/tier']"),
            variable('ANNOTATION', "metadata.annotations['shop.example/note']"),
            variable('ACCOUNT', 'spec.serviceAccountName'),
            variable('NODE', 'spec.nodeName'),
            variable('POD_IP', 'status.podIP'),
            variable('HOST_IP', 'status.hostIP'),
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
          ],
        },
      ],
      volumes: [
        {
          name: 'self',
          downwardAPI: {
            items: [
              { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
              { path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } },
              { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
              { path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } },
            ],
          },
        },
      ],
    },
    { labels: { 'shop.example/tier': 'front' }, annotations: { 'shop.example/note': 'say "hi"\nand go' } },
  );
  const { metadata, spec, status } = await tenant.ready('mirror');
  const read = (path: string) => tenant.run('mirror', 'cat', `/self/${path}`);
  // One variable has two lines, so they are asked for one by one.
  const value = (name: string) => tenant.shell('mirror', `echo "$${name}"`);
  expect(await value('NAME')).toBe('mirror');
  expect(await value('NAMESPACE')).toBe('shop');
  expect(await value('UID')).toBe(metadata?.uid);
  expect(await value('LABEL')).toBe('front');
  expect(await value('ANNOTATION')).toBe('say "hi"\nand go');
  expect(await value('ACCOUNT')).toBe('robot');
  expect(await value('NODE')).toBe(spec?.nodeName);
  expect(await value('POD_IP')).toBe(status?.podIP);
  expect(await value('HOST_IP')).toBe(status?.hostIP);
  expect(await value('CPU')).toBe('250');
  expect(await read('name')).toBe('mirror');
  expect(await read('namespace')).toBe('shop');
  expect(await read('labels')).toBe('shop.example/tier="front"');
  expect(await read('annotations')).toBe('shop.example/note="say \\"hi\\"\\nand go"');
  expect((await tenant.kubectl('label', 'pod', 'mirror', 'added=later')).code).toBe(0);
  await eventually('the file has the new label', async () => (await read('labels')).startsWith('added="later"\n'), 120);
}, 150_000);

test('image pull secrets are on the host under their twin’s name', async () => {
  await tenant.create(resources.secrets, 'registry', {
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': '{"auths":{"registry.example":{"auth":"YTpi"}}}' },
  });
  await tenant.createPod('pulling', { imagePullSecrets: [{ name: 'registry' }] });
  await tenant.ready('pulling');
  const twin = await tenant.onHost<Pod>(resources.pods, 'pulling');
  expect(twin.spec?.imagePullSecrets).toEqual([{ name: hostNameOf('registry') }]);
  const secret = await tenant.onHost<Secret>(resources.secrets, 'registry');
  expect(secret).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' });
});

test('an emptyDir in memory has the size that the pod asks for', async () => {
  await tenant.createPod('scratch', {
    containers: [idle('main', { volumeMounts: [{ name: 'memory', mountPath: '/memory' }] })],
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
  });
  await tenant.ready('scratch');
  expect(await tenant.shell('scratch', 'grep " /memory " /proc/mounts')).toMatch(/^tmpfs .*size=8192k/);
});

test.each([
  ['csi', { csi: { driver: 'files.example' } }, 'spec.volumes[0].csi.driver'],
  ['host-path', { hostPath: { path: '/etc' } }, 'spec.volumes[0].hostPath'],
])('a volume that cannot be had, %s, is refused with its field and a remedy', async (name, source, field) => {
  await tenant.createPod(name, { volumes: [{ name: 'data', ...source }] });
  const pod = await tenant.until(name, 'says why it does not start', ({ status }) =>
    (status?.conditions ?? []).some(({ reason }) => reason === 'Unsupported' || reason === 'PolicyViolation'),
  );
  expect(pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message).toMatch(
    new RegExp(`^${field.replace(/[[\].]/g, '\\$&')} .*(; |: )(use|mount) `),
  );
  await expect(tenant.onHost(resources.pods, name)).rejects.toThrow(/not found/);
});
