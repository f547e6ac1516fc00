import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';
import {
  allocationPatch,
  needsAddress,
  updateAllocates,
  withAllocatedValues,
} from '../../../syncer/admission/allocation';
import { jsonPointer } from '../../../syncer/admission/json-patch';

const http: ServicePort = { name: 'http', port: 80, protocol: 'TCP' };
const https: ServicePort = { name: 'https', port: 443, protocol: 'TCP' };
const addresses = {
  clusterIP: '10.0.0.7',
  clusterIPs: ['10.0.0.7'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
};

function service(spec: ServiceSpec): Service {
  return { metadata: { name: 'web', namespace: 'ns1' }, spec };
}

const clusterIP = service({ type: 'ClusterIP', ...addresses, ports: [http] });
const nodePort = service({ type: 'NodePort', ...addresses, ports: [{ ...http, nodePort: 30080 }] });
const alias = service({ type: 'ExternalName', externalName: 'example.com' });
const headless = service({ type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], ports: [http] });

test('pointers escape what means something in a pointer', () => {
  expect(jsonPointer('metadata', 'annotations', 'a/b~c', 0)).toBe('/metadata/annotations/a~1b~0c/0');
  expect(jsonPointer()).toBe('');
});

test('headless Services and aliases need no address', () => {
  expect(
    [clusterIP, nodePort, alias, headless, service({}), service({ clusterIPs: ['None'] })].map(needsAddress),
  ).toEqual([true, true, false, false, true, false]);
});

const changes: [string, Service, Service, boolean][] = [
  ['nothing', clusterIP, clusterIP, false],
  ['a manifest without addresses again', clusterIP, service({ type: 'ClusterIP', ports: [http] }), false],
  ['another selector', clusterIP, service({ ...clusterIP.spec, selector: { app: 'x' } }), false],
  ['one more port', clusterIP, service({ ...clusterIP.spec, ports: [http, https] }), false],
  [
    'an address that it cannot have',
    clusterIP,
    service({ ...clusterIP.spec, clusterIP: '10.0.0.8', clusterIPs: ['10.0.0.8'] }),
    false,
  ],
  ['ExternalName → ClusterIP', alias, service({ type: 'ClusterIP', ports: [http] }), true],
  ['ExternalName → NodePort', alias, service({ type: 'NodePort', ports: [http] }), true],
  ['ExternalName → headless', alias, headless, false],
  ['ClusterIP → ExternalName', clusterIP, alias, false],
  [
    'headless → ClusterIP, which is refused',
    headless,
    service({ type: 'ClusterIP', clusterIP: '', ports: [http] }),
    false,
  ],
  ['ClusterIP → NodePort', clusterIP, service({ ...clusterIP.spec, type: 'NodePort' }), true],
  ['ClusterIP → LoadBalancer', clusterIP, service({ ...clusterIP.spec, type: 'LoadBalancer' }), true],
  [
    'ClusterIP → LoadBalancer without node ports',
    clusterIP,
    service({ ...clusterIP.spec, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
    false,
  ],
  [
    'node ports for a LoadBalancer that had none',
    service({ ...clusterIP.spec, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
    service({ ...clusterIP.spec, type: 'LoadBalancer', allocateLoadBalancerNodePorts: true }),
    true,
  ],
  ['NodePort → LoadBalancer', nodePort, service({ ...nodePort.spec, type: 'LoadBalancer' }), false],
  ['NodePort → ClusterIP', nodePort, service({ ...nodePort.spec, type: 'ClusterIP' }), false],
  ['NodePort, its manifest again', nodePort, service({ type: 'NodePort', ports: [http] }), false],
  [
    'NodePort, one more port',
    nodePort,
    service({ ...nodePort.spec, ports: [{ ...http, nodePort: 30080 }, https] }),
    true,
  ],
  ['NodePort, another number', nodePort, service({ ...nodePort.spec, ports: [{ ...http, nodePort: 30081 }] }), true],
  ['NodePort, port renamed', nodePort, service({ type: 'NodePort', ports: [{ ...http, name: 'web' }] }), true],
  [
    'LoadBalancer, local traffic',
    service({ ...nodePort.spec, type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' }),
    service({ ...nodePort.spec, type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
    true,
  ],
  [
    'single → dual stack by policy',
    clusterIP,
    service({ ...clusterIP.spec, ipFamilyPolicy: 'RequireDualStack' }),
    true,
  ],
  ['single → dual stack by families', clusterIP, service({ ...clusterIP.spec, ipFamilies: ['IPv4', 'IPv6'] }), true],
  [
    'PreferDualStack with one family, again',
    service({ ...clusterIP.spec, ipFamilyPolicy: 'PreferDualStack' }),
    service({ ...clusterIP.spec, ipFamilyPolicy: 'PreferDualStack' }),
    false,
  ],
  [
    'dual → single stack',
    service({
      ...clusterIP.spec,
      ipFamilies: ['IPv4', 'IPv6'],
      clusterIPs: ['10.0.0.7', 'fd00::7'],
      ipFamilyPolicy: 'RequireDualStack',
    }),
    clusterIP,
    false,
  ],
];

test.each(changes)('an update allocates or not: %s', (_what, old, updated, allocates) => {
  expect(updateAllocates(old, withAllocatedValues(old, updated))).toBe(allocates);
});

test('node ports come back by name, unless another port has taken the number', () => {
  const old = service({
    type: 'NodePort',
    ports: [
      { ...http, nodePort: 30080 },
      { ...https, nodePort: 30443 },
    ],
  });
  const updated = service({ type: 'NodePort', ports: [http, { ...https, nodePort: 30080 }] });
  expect(withAllocatedValues(old, updated).spec?.ports).toEqual([http, { ...https, nodePort: 30080 }]);
  expect(withAllocatedValues(old, service({ type: 'NodePort', ports: [https, http] })).spec?.ports).toEqual([
    { ...https, nodePort: 30443 },
    { ...http, nodePort: 30080 },
  ]);
  expect(updated.spec?.ports?.[0]).toEqual(http);
});

test('the patch has what the host allocated and nothing that is equal', () => {
  const dns: ServicePort[] = [
    { name: 'tcp', port: 53, protocol: 'TCP' },
    { name: 'udp', port: 53, protocol: 'UDP' },
  ];
  const virtual = service({ type: 'LoadBalancer', ipFamilyPolicy: 'SingleStack', ports: dns });
  const host = service({
    type: 'LoadBalancer',
    ...addresses,
    healthCheckNodePort: 31000,
    ports: dns.map((port, index) => ({ ...port, nodePort: 30053 + index })),
  });
  expect(allocationPatch(virtual, host)).toEqual([
    { op: 'add', path: '/spec/clusterIP', value: '10.0.0.7' },
    { op: 'add', path: '/spec/clusterIPs', value: ['10.0.0.7'] },
    { op: 'add', path: '/spec/ipFamilies', value: ['IPv4'] },
    { op: 'add', path: '/spec/healthCheckNodePort', value: 31000 },
    { op: 'add', path: '/spec/ports/0/nodePort', value: 30053 },
    { op: 'add', path: '/spec/ports/1/nodePort', value: 30054 },
  ]);
  expect(allocationPatch(host, host)).toEqual([]);
});
