import { BlockList, isIPv6, SocketAddress } from 'node:net';
import type { SyncerConfigurationInput } from '../../../syncer/configuration';
import { resolveConfiguration } from '../../../syncer/configuration/document';
import {
  certificateSecretName,
  hostName,
  isVirtualNode,
  nodeAddress,
  syncerClusterRights,
  syncerNamespaceRights,
  syncerRights,
  tenantText,
  tokenSecretName,
  trustAnchorsName,
  translateConfigMap,
  translateSecret,
  virtualNode,
  type HostRight,
} from '../../../syncer/translation';
import { anchor, identity, unwrap } from './fixtures';

const metadata = { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '7', annotations: { x: 'y' } };

describe('config maps and secrets', () => {
  test('keep their contents and tell which version they hold', () => {
    const data = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Record<string, string>;
    const configMap = { metadata, data, binaryData: { c: 'AA==' }, immutable: true };
    const host = unwrap(translateConfigMap(configMap, { identity, anchor }));
    expect(host).toMatchObject({ kind: 'ConfigMap', binaryData: { c: 'AA==' }, immutable: true });
    expect(JSON.stringify(host.data)).toBe(JSON.stringify(data));
    expect(host.metadata?.annotations).toEqual({
      'nestling.dev/kind': 'ConfigMap',
      'nestling.dev/name': 'a',
      'nestling.dev/namespace': 'shop',
      'nestling.dev/uid': 'u',
      'nestling.dev/resource-version': '7',
    });
  });

  test.each([
    ['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockerconfigjson'],
    ['kubernetes.io/tls', 'kubernetes.io/tls'],
    ['kubernetes.io/service-account-token', 'Opaque'],
    ['bootstrap.kubernetes.io/token', 'Opaque'],
    [undefined, 'Opaque'],
  ])('of type %s become %s', (type, expected) => {
    const secret = { metadata, data: {}, ...(type === undefined ? {} : { type }) };
    expect(unwrap(translateSecret(secret, { identity, anchor })).type).toBe(expected);
  });
});

describe('virtual nodes', () => {
  test('have one address each, private, stable and as API servers write it', () => {
    const range = new BlockList();
    range.addSubnet('fd6e:6573:746c:696e::', 64, 'ipv6');
    const names = Array.from({ length: 20_000 }, (_, index) => `node-${index}.example`);
    const addresses = names.map(nodeAddress);
    expect(new Set(addresses).size).toBe(names.length);
    for (const address of addresses) {
      if (!isIPv6(address) || !range.check(address, 'ipv6')) throw new Error(address);
    }
    // The canonical form, also of those with zeros in it.
    for (const address of addresses) expect(new URL(`http://[${address}]`).hostname).toBe(`[${address}]`);
    expect(new SocketAddress({ address: nodeAddress('n'), family: 'ipv6' }).address).toBe(nodeAddress('n'));
    expect(nodeAddress('node-1')).toBe(nodeAddress('node-1'));
  });

  test('are ready, tell nothing of the real one, and are known as ours', () => {
    const node = virtualNode('node-1', { architecture: 'arm64', kubeletVersion: 'v1.37.2' });
    expect(node).toMatchObject({
      metadata: { name: 'node-1', labels: { 'kubernetes.io/arch': 'arm64' } },
      status: {
        addresses: [
          { type: 'InternalIP', address: nodeAddress('node-1') },
          { type: 'Hostname', address: 'node-1' },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
        nodeInfo: { kubeletVersion: 'v1.37.2' },
      },
    });
    expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(isVirtualNode(node)).toBe(true);
    expect(isVirtualNode({ ...node, metadata: { name: 'other' } })).toBe(false);
  });
});

describe('texts of the host', () => {
  const known = [{ namespace: 'shop', name: 'web' }];
  const host = hostName(identity, 'shop', 'web');

  test.each([
    [`pods "${host}" is forbidden: exceeded quota`, 'pods "web" is forbidden: exceeded quota'],
    [`Pod team-a/${host} failed.`, 'Pod shop/web failed.'],
    [`${host}.team-a.svc is unknown`, 'web.shop.svc is unknown'],
    [`object in namespace team-a: ${host}`, 'object in namespace shop: web'],
    [`unable in namespace "team-a"`, 'unable in namespace "shop"'],
    [`my${host} and ${host}-1`, `my${host} and ${host}-1`],
    ['team-a-b and team-a alone', 'team-a-b and team-a alone'],
    [`secret "${tokenSecretName(identity, 'shop', 'web')}" not found`, 'secret "web-token" not found'],
    [`configmap "${trustAnchorsName(identity, 'shop', 'web')}" not found`, 'configmap "web-trust-anchors" not found'],
    [`secret "${certificateSecretName(identity, 'shop', 'web')}" not found`, 'secret "web-certificate" not found'],
  ])('%j reads %j to the tenant', (text, expected) => expect(tenantText(text, identity, known)).toBe(expected));

  test('with odd names are no patterns', () => {
    const odd = [{ namespace: 'shop', name: 'a.b' }];
    expect(tenantText('aXb-x-shop-x-my-vc a.b-x-shop-x-my-vc', identity, odd)).toBe('aXb-x-shop-x-my-vc a.b');
    expect(
      tenantText(`${host}`, identity, [{ namespace: 'shop', name: 'web', uids: { host: '', virtual: 'v' } }]),
    ).toBe('web');
  });
});

test('the rights of the syncer name kinds and verbs, never all, and nothing that reaches beyond its namespace', () => {
  const configuration = resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: 'my-vc' },
  });
  const rights = syncerRights(configuration);
  expect(syncerClusterRights(configuration)).toEqual([]);
  const granted = rights.flatMap(({ apiGroup, resources, verbs }) =>
    resources.flatMap((one) =>
      verbs.map((verb) => `${verb} ${one}${apiGroup === 'metrics.k8s.io' ? `.${apiGroup}` : ''}`),
    ),
  );
  expect(new Set(granted).size).toBe(granted.length);
  expect(granted).toContain('create pods');
  expect(granted).toContain('patch pods/ephemeralcontainers');
  expect(granted).toContain('create networkpolicies');
  expect(granted.filter((one) => one.endsWith('.metrics.k8s.io'))).toEqual(['list pods.metrics.k8s.io']);
  const toHost = { ...configuration.sync.toHost, networkPolicies: { enabled: false } };
  const without = syncerRights({ ...configuration, sync: { ...configuration.sync, toHost } });
  expect(without.flatMap(({ resources }) => resources)).not.toContain('networkpolicies');
  expect(granted.filter((one) => /\*|\bnodes|impersonate|escalate|bind|deletecollection|update/.test(one))).toEqual([]);
});

test('custom resources bring the rights on them and on their definitions by name, and no more', () => {
  const defined = (kind: string) => ({
    group: 'example.org',
    version: 'v1',
    kind,
    resource: `${kind.toLowerCase()}s`,
  });
  const base = {
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: 'my-vc' },
  };
  const configuration = resolveConfiguration({
    ...base,
    sync: {
      toHost: { customResources: [defined('Widget'), { ...defined('Engine'), scope: 'Cluster' }] },
      fromHost: {
        customResources: [
          { ...defined('Flavour'), scope: 'Cluster' },
          { ...defined('Offer'), namespaces: [{ host: 'shared', virtual: 'catalogue' }] },
        ],
      },
    },
  });
  const [read, write] = [
    ['get', 'list', 'watch'],
    ['create', 'delete', 'get', 'list', 'patch', 'watch'],
  ];
  const before = syncerRights(resolveConfiguration(base));
  expect(
    syncerRights(configuration).filter((right) => !JSON.stringify(before).includes(JSON.stringify(right))),
  ).toEqual([{ apiGroup: 'example.org', resources: ['widgets'], verbs: write }]);
  expect(syncerClusterRights(configuration)).toEqual([
    {
      apiGroup: 'apiextensions.k8s.io',
      resources: ['customresourcedefinitions'],
      verbs: read,
      names: ['engines.example.org', 'flavours.example.org', 'offers.example.org', 'widgets.example.org'],
    },
    { apiGroup: 'example.org', resources: ['engines'], verbs: write },
    { apiGroup: 'example.org', resources: ['flavours'], verbs: read },
  ]);
  expect([...syncerNamespaceRights(configuration)]).toEqual([
    ['shared', [{ apiGroup: 'example.org', resources: ['offers'], verbs: read }]],
  ]);
});

test('claims and volumes bring their rights where they are synced', () => {
  const rights = (sync: SyncerConfigurationInput['sync']) => {
    const configuration = resolveConfiguration({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc' },
      sync,
    });
    const resourcesOf = (list: readonly HostRight[]) => list.flatMap(({ resources }) => resources);
    return [resourcesOf(syncerRights(configuration)), resourcesOf(syncerClusterRights(configuration))];
  };
  const [own, cluster] = rights({ fromHost: { persistentVolumes: { enabled: true } } });
  expect(own).toContain('persistentvolumeclaims');
  expect(cluster).toEqual(['persistentvolumes']);
  const [without] = rights({ toHost: { persistentVolumeClaims: { enabled: false } } });
  expect(without).not.toContain('persistentvolumeclaims');
});
