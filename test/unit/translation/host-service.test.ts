import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { publicationOf, publishService, shownService, shownSlice } from '../../../syncer/translation';

const identity = { name: 'vc', hostNamespace: 'team-a' };
const context = { identity, anchor: { name: 'vc-anchor', uid: 'anchor-uid' } };

const service = (spec: ServiceSpec, metadata: object = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', uid: 'web-uid', ...metadata },
  spec,
});

describe('what tenants see of a Service of the host', () => {
  const place = { namespace: 'default', name: 'db' };
  const host = (spec: ServiceSpec): Service =>
    service(spec, {
      name: 'postgres',
      namespace: 'data',
      labels: { team: 'secret' },
      annotations: { 'example.org/note': 'internal' },
    });

  test('is its address and its ports under the name that the platform gives it, and nothing else of the host', () => {
    const shown = shownService(
      host({
        type: 'LoadBalancer',
        clusterIP: '10.96.1.2',
        clusterIPs: ['10.96.1.2'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        selector: { app: 'postgres' },
        externalIPs: ['203.0.113.7'],
        loadBalancerSourceRanges: ['203.0.113.0/24'],
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 31_000,
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ name: 'sql', port: 5432, targetPort: 'sql', protocol: 'TCP', nodePort: 30_000 }],
      }),
      place,
    );
    expect(shown).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...place, labels: { 'nestling.dev/from-host': 'true' } },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.96.1.2',
        clusterIPs: ['10.96.1.2'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ name: 'sql', port: 5432, targetPort: 'sql', protocol: 'TCP' }],
      },
    });
  });

  test('stays headless, and an alias stays one', () => {
    const headless = shownService(host({ clusterIP: 'None', clusterIPs: ['None'], ports: [{ port: 5432 }] }), place);
    expect(headless.spec).toEqual({
      type: 'ClusterIP',
      clusterIP: 'None',
      clusterIPs: ['None'],
      ports: [{ port: 5432 }],
    });
    expect(shownService(host({ type: 'ExternalName', externalName: 'db.example.com' }), place).spec).toEqual({
      type: 'ExternalName',
      externalName: 'db.example.com',
    });
  });

  test('are, of a headless one, its endpoints without pods and nodes', () => {
    const owner = { ...place, uid: 'shown-uid' };
    const slice = shownSlice(
      {
        metadata: { name: 'postgres-abcde', namespace: 'data', labels: { team: 'secret' } },
        addressType: 'IPv4',
        endpoints: [
          {
            addresses: ['10.244.0.7'],
            conditions: { ready: true },
            hostname: 'postgres-0',
            nodeName: 'node-1',
            zone: 'a',
            targetRef: { kind: 'Pod', namespace: 'data', name: 'postgres-0' },
          },
        ],
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
      },
      owner,
    );
    expect(slice).toMatchObject({
      metadata: {
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'db', 'nestling.dev/from-host': 'true' },
        ownerReferences: [{ kind: 'Service', name: 'db', uid: 'shown-uid' }],
      },
      addressType: 'IPv4',
      ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    });
    expect(slice.endpoints).toEqual([
      { addresses: ['10.244.0.7'], conditions: { ready: true }, hostname: 'postgres-0', zone: 'a' },
    ]);
    expect(JSON.stringify(slice)).not.toMatch(/secret|node-1|targetRef/);
  });
});

describe('a Service that the platform publishes', () => {
  const selecting: ServiceSpec = {
    type: 'NodePort',
    clusterIP: '10.96.3.4',
    clusterIPs: ['10.96.3.4'],
    selector: { app: 'web' },
    sessionAffinity: 'None',
    externalTrafficPolicy: 'Local',
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', nodePort: 30_080 }],
  };
  const publish = (spec: ServiceSpec, metadata?: object) =>
    publishService(service(spec, metadata), 'shop-web', context);

  test('has the tenant’s pods and ports, and an address of its own', () => {
    const published = publish(selecting, { labels: { app: 'web' } });
    if (!published.ok) throw new Error(published.message);
    const { metadata, spec } = published.object;
    expect(spec).toEqual({
      type: 'ClusterIP',
      selector: {
        'label.nestling.dev/app': 'web',
        'nestling.dev/virtual-cluster': 'vc',
        'nestling.dev/namespace': 'shop',
      },
      sessionAffinity: 'None',
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    });
    expect(metadata).toMatchObject({ name: 'shop-web', namespace: 'team-a', ownerReferences: [{ uid: 'anchor-uid' }] });
    expect(publicationOf(published.object, identity)).toEqual({ namespace: 'shop', name: 'web' });
  });

  test('stays headless', () => {
    const published = publish({ ...selecting, type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] });
    expect(published).toMatchObject({ ok: true, object: { spec: { clusterIP: 'None', clusterIPs: ['None'] } } });
  });

  test.each<[string, ServiceSpec]>([
    ['has no selector', { ports: [{ port: 80 }] }],
    ['is an alias', { type: 'ExternalName', externalName: 'metadata.internal', selector: { app: 'web' } }],
  ])('is none where the tenant’s %s', (_, spec) => {
    expect(publish(spec)).toMatchObject({ ok: false, reason: 'NotPublished' });
  });

  test('is recognized by all of its marks: not a copy of another name, nor another cluster’s, nor a twin', () => {
    const published = publish(selecting);
    if (!published.ok) throw new Error(published.message);
    const changed = (metadata: object): Service => ({
      ...published.object,
      metadata: { ...published.object.metadata, ...metadata },
    });
    const { labels, annotations } = published.object.metadata ?? {};
    expect(publicationOf(changed({ name: 'copy' }), identity)).toBeUndefined();
    expect(publicationOf(changed({ namespace: 'other' }), identity)).toBeUndefined();
    expect(publicationOf(published.object, { ...identity, name: 'other' })).toBeUndefined();
    expect(publicationOf(changed({ labels: {} }), identity)).toBeUndefined();
    expect(publicationOf(changed({ annotations: {} }), identity)).toBeUndefined();
    const twin = { ...annotations, 'nestling.dev/kind': 'Service' };
    expect(publicationOf(changed({ labels, annotations: twin }), identity)).toBeUndefined();
  });
});
