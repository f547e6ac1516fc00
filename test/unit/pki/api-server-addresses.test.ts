import type { Service } from 'kubernetes-types/core/v1';
import { apiServerAddresses } from '../../../syncer/pki';

const service = (spec: NonNullable<Service['spec']>, ingress: { ip?: string; hostname?: string }[] = []): Service => ({
  spec: { clusterIPs: ['10.96.0.5', 'fd00::5'], ports: [{ name: 'https', port: 443 }], ...spec },
  status: { loadBalancer: { ingress } },
});
const addresses = (of: Service, nodeAddress?: string, hostIPs = ['192.0.2.8']) =>
  apiServerAddresses(of, {
    configuration: {
      apiServer: { extraNames: [], kubeconfigs: [], ...(nodeAddress === undefined ? {} : { nodeAddress }) },
    },
    hostIPs,
  });

test('a Service without a way in has its addresses inside only', () => {
  expect(addresses(service({ type: 'ClusterIP' }))).toEqual({
    serviceIPs: ['10.96.0.5', 'fd00::5'],
    outside: [],
    outsideServer: undefined,
  });
});

test('a node port is reached at the node of the control plane, or at the address that was given', () => {
  const ports = [{ name: 'https', port: 443, nodePort: 30_443 }];
  expect(addresses(service({ type: 'NodePort', ports }))).toMatchObject({
    outside: ['192.0.2.8'],
    outsideServer: 'https://192.0.2.8:30443',
  });
  expect(addresses(service({ type: 'NodePort', ports }), 'nodes.example.com')).toMatchObject({
    outside: ['nodes.example.com', '192.0.2.8'],
    outsideServer: 'https://nodes.example.com:30443',
  });
  expect(addresses(service({ type: 'NodePort', ports }), undefined, ['2001:db8::8']).outsideServer).toBe(
    'https://[2001:db8::8]:30443',
  );
  expect(addresses(service({ type: 'NodePort' })).outsideServer).toBeUndefined();
});

test('a load balancer is reached at its address or name, once it has one', () => {
  expect(addresses(service({ type: 'LoadBalancer' })).outsideServer).toBeUndefined();
  const both = service({ type: 'LoadBalancer' }, [{ ip: '203.0.113.7' }, { hostname: 'lb.example.com' }]);
  expect(addresses(both)).toMatchObject({
    outside: ['203.0.113.7', 'lb.example.com'],
    outsideServer: 'https://203.0.113.7:443',
  });
  expect(addresses(service({ type: 'LoadBalancer' }, [{ hostname: 'lb.example.com' }])).outsideServer).toBe(
    'https://lb.example.com:443',
  );
});

test('external addresses of the Service count, too', () => {
  expect(addresses(service({ type: 'ClusterIP', externalIPs: ['198.51.100.3'] }))).toMatchObject({
    outside: ['198.51.100.3'],
    outsideServer: 'https://198.51.100.3:443',
  });
});
