import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import {
  hostServicePatch,
  losesSelector,
  serviceNeedsRecreation,
  translateService,
  virtualServicePatch,
} from '../../../syncer/translation';
import { anchor, identity, refusal, unwrap } from './fixtures';

const serviceWith = (spec: object, more: object = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'db', namespace: 'shop', uid: 'uid' },
  spec: spec as ServiceSpec,
  ...more,
});
const host = (spec: object, context = {}): Service =>
  unwrap(translateService(serviceWith(spec), { identity, anchor, ...context }));

describe('a host Service', () => {
  test('selects only pods of its own namespace and cluster', () => {
    expect(host({ selector: { app: 'db' } }).spec?.selector).toEqual({
      'label.nestling.dev/app': 'db',
      'nestling.dev/virtual-cluster': 'my-vc',
      'nestling.dev/namespace': 'shop',
    });
  });

  test.each([[undefined], [{}]])('has no selector where the virtual one has none: %j', (selector) => {
    expect(host({ selector }).spec).not.toHaveProperty('selector');
  });

  test('keeps addresses, node ports and all that is not another’s', () => {
    const spec = {
      type: 'NodePort',
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9', 'fd00::9'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'PreferDualStack',
      ports: [{ name: 'a', port: 80, targetPort: 'http', nodePort: 30080, protocol: 'TCP', appProtocol: 'h2c' }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      publishNotReadyAddresses: true,
      trafficDistribution: 'PreferClose',
    };
    expect(host({ ...spec, externalIPs: ['1.2.3.4'], loadBalancerIP: '1.2.3.4' }).spec).toEqual(spec);
  });

  test('that only its external addresses opened to the outside has no policy for traffic from there', () => {
    const spec = { type: 'ClusterIP', ports: [{ port: 80 }] };
    expect(host({ ...spec, externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Cluster' }).spec).toEqual(spec);
    expect(host({ ports: [], externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Local' }).spec).toEqual({ ports: [] });
    expect(host({ type: 'NodePort', externalTrafficPolicy: 'Local' }).spec).toHaveProperty('externalTrafficPolicy');
  });

  test('with a selector tells the host not to mirror the Endpoints that its controller makes', () => {
    const label = 'endpointslice.kubernetes.io/skip-mirror';
    expect(host({ selector: { app: 'db' } }).metadata?.labels?.[label]).toBe('true');
    expect(host({}).metadata?.labels).not.toHaveProperty([label]);
  });

  test('tells its twin, or that it waits for one', () => {
    const time = '2026-01-01T00:00:00Z';
    expect(host({}).metadata?.annotations).toMatchObject({ 'nestling.dev/kind': 'Service', 'nestling.dev/uid': 'uid' });
    const reserved = unwrap(
      translateService(
        { metadata: { name: 'db', namespace: 'shop' }, spec: {} },
        { identity, anchor, reservation: time },
      ),
    );
    expect(reserved.metadata?.annotations).toEqual({
      'nestling.dev/kind': 'Service',
      'nestling.dev/name': 'db',
      'nestling.dev/namespace': 'shop',
      'nestling.dev/reservation': time,
    });
  });

  test('is refused with the path of a field that is not known', () => {
    expect(refusal(translateService(serviceWith({ topologyKeys: ['a'] }), { identity, anchor }))).toMatch(
      'spec.topologyKeys',
    );
  });
});

describe('the patch of a host Service', () => {
  const desired = host({ type: 'ClusterIP', selector: { app: 'db' }, ports: [{ port: 80, protocol: 'TCP' }] });
  const actual = (spec: object): Service => ({ ...desired, spec: { ...desired.spec, ...spec } });

  test('is none for what the host allocated or others wrote', () => {
    const others = { ...desired.metadata, annotations: { ...desired.metadata?.annotations, 'lb/ip': 'x' } };
    expect(
      hostServicePatch(desired, {
        ...actual({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], externalIPs: ['1.2.3.4'] }),
        metadata: others,
      }),
    ).toBeUndefined();
  });

  test('changes what the tenant changed and removes what is gone', () => {
    const before = actual({
      type: 'LoadBalancer',
      selector: { ...desired.spec?.selector, 'label.nestling.dev/old': '1' },
      externalTrafficPolicy: 'Local',
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30000 }],
      healthCheckNodePort: 31000,
    });
    expect(hostServicePatch(desired, before)).toEqual({
      spec: {
        type: 'ClusterIP',
        selector: { ...desired.spec?.selector, 'label.nestling.dev/old': null },
        externalTrafficPolicy: null,
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    });
  });

  test('leaves node ports that the host gave, and sets those that the virtual Service names', () => {
    const wanted = host({
      type: 'NodePort',
      ports: [
        { port: 80, protocol: 'TCP' },
        { port: 81, nodePort: 30081, protocol: 'TCP' },
      ],
    });
    const given = (nodePort: number): Service => ({
      ...wanted,
      spec: {
        type: 'NodePort',
        ports: [
          { port: 80, protocol: 'TCP', nodePort: 30080 },
          { port: 81, protocol: 'TCP', nodePort },
        ],
      },
    });
    expect(hostServicePatch(wanted, given(30081))).toBeUndefined();
    expect(hostServicePatch(wanted, given(30082))).toEqual({ spec: { ports: given(30081).spec?.ports } });
  });

  test('never takes the selector away: the Service is made anew, as the host’s slices stay with it', () => {
    const selecting = host({ selector: { app: 'db' } });
    const without = host({ ports: [{ port: 80, protocol: 'TCP' }] });
    const present: Service = { ...selecting, spec: { ...selecting.spec, ports: without.spec?.ports ?? [] } };
    expect(losesSelector(without, present)).toBe(true);
    expect(hostServicePatch(without, present)).toBeUndefined();
    expect(losesSelector(selecting, without)).toBe(false);
    expect(hostServicePatch(selecting, without)).toMatchObject({ spec: { selector: selecting.spec?.selector } });
  });

  test('never contains another first address', () => {
    const moved = host({ clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] });
    const present: Service = { ...moved, spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] } };
    expect(serviceNeedsRecreation(moved, present)).toBe(true);
    expect(hostServicePatch(moved, present)).toBeUndefined();
    expect(serviceNeedsRecreation(moved, { ...present, spec: { type: 'ExternalName' } })).toBe(false);
  });

  test('gives an address when a name becomes a Service', () => {
    const wanted = host({ type: 'ClusterIP', clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] });
    const before: Service = { ...wanted, spec: { type: 'ExternalName', externalName: 'a.example' } };
    expect(hostServicePatch(wanted, before)).toEqual({
      spec: { type: 'ClusterIP', clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'], externalName: null },
    });
  });
});

describe('what comes back to a virtual Service', () => {
  test('is what the host allocated and the virtual one lacks', () => {
    const virtual = serviceWith({ type: 'NodePort', ports: [{ port: 80 }] });
    const twin = serviceWith({
      type: 'NodePort',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ port: 80, nodePort: 30080 }],
    });
    expect(virtualServicePatch(twin, virtual)).toEqual({
      spec: {
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, nodePort: 30080 }],
      },
    });
    expect(virtualServicePatch(twin, twin)).toEqual({});
  });

  test('is the load balancer’s address, as long as it is one', () => {
    const status = { loadBalancer: { ingress: [{ ip: '1.2.3.4', ipMode: 'VIP' }] } };
    const twin = serviceWith({ type: 'LoadBalancer' }, { status });
    expect(virtualServicePatch(twin, serviceWith({ type: 'LoadBalancer' }))).toEqual({ status });
    expect(virtualServicePatch(twin, serviceWith({ type: 'ClusterIP' }, { status }))).toEqual({
      status: { loadBalancer: { ingress: null } },
    });
    expect(virtualServicePatch(twin, twin)).toEqual({});
  });

  test('is nothing while the types differ', () => {
    expect(
      virtualServicePatch(
        serviceWith({ type: 'ClusterIP', clusterIP: '10.0.0.1' }),
        serviceWith({ type: 'ExternalName' }),
      ),
    ).toEqual({});
  });
});
