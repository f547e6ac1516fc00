import { Duration } from 'cdk8s';
import type { Service } from 'kubernetes-types/core/v1';
import { Exposure, KubeconfigServer, TlsPassthrough, type VirtualClusterProps } from '../../../constructs';
import { parseConfiguration } from '../../../syncer/configuration/document';
import { find, type Manifest, propsError, synthesize } from './synthesized';

const HOST = 'my-vc1.example.com';
const service = (manifests: readonly Manifest[]) => find(manifests, 'Service', 'my-vc1') as unknown as Service;

/** What the syncer reads. */
function documentOf(manifests: readonly Manifest[]) {
  const { data } = find(manifests, 'ConfigMap', 'my-vc1-configuration') as unknown as { data: Record<string, string> };
  return parseConfiguration(data['configuration.yaml'] ?? '');
}

/** What changes the control plane's pod, and so would restart it. */
function podTemplate(props: VirtualClusterProps): unknown {
  const set = synthesize(props).find(({ kind }) => kind === 'StatefulSet');
  return (set?.['spec'] as { template: unknown }).template;
}

test('by default the API server is reached inside of the host only', () => {
  const manifests = synthesize();
  expect(service(manifests).spec?.type).toBe('ClusterIP');
  expect(manifests.filter(({ kind }) => kind === 'Ingress' || kind === 'TLSRoute')).toEqual([]);
});

test('a node port is the host’s choice or a fixed one, with the address of nodes that clients call', () => {
  const [port] = service(synthesize({ exposure: Exposure.nodePort() })).spec?.ports ?? [];
  expect(port).toEqual({ name: 'https', port: 443, targetPort: 6443, protocol: 'TCP' });
  const fixed = synthesize({ exposure: Exposure.nodePort({ port: 30_443, address: 'nodes.example.com' }) });
  expect(service(fixed).spec).toMatchObject({ type: 'NodePort', ports: [{ port: 443, nodePort: 30_443 }] });
  expect(documentOf(fixed).apiServer.nodeAddress).toBe('nodes.example.com');
});

test('a load balancer has its annotations, class and ranges, and a name of one’s own', () => {
  const manifests = synthesize({
    exposure: Exposure.loadBalancer({
      annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'external' },
      loadBalancerClass: 'service.k8s.aws/nlb',
      sourceRanges: ['203.0.113.0/24'],
      host: HOST,
    }),
  });
  expect(service(manifests)).toMatchObject({
    metadata: { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'external' } },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'service.k8s.aws/nlb',
      loadBalancerSourceRanges: ['203.0.113.0/24'],
    },
  });
  expect(documentOf(manifests).apiServer).toMatchObject({
    extraNames: [HOST],
    kubeconfigServer: `https://${HOST}:443`,
  });
  const plain = service(synthesize({ exposure: Exposure.loadBalancer() }));
  expect(plain.metadata?.annotations).toBeUndefined();
  expect(plain.spec).not.toHaveProperty('loadBalancerSourceRanges');
});

test.each([
  [
    'ingress-nginx',
    TlsPassthrough.ingressNginx(),
    {
      'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
      'nginx.ingress.kubernetes.io/ssl-passthrough': 'true',
      'nginx.ingress.kubernetes.io/ssl-redirect': 'true',
    },
  ],
  ['HAProxy Ingress', TlsPassthrough.haproxyIngress(), { 'haproxy-ingress.github.io/ssl-passthrough': 'true' }],
  ['HAProxy Technologies', TlsPassthrough.haproxyTechnologies(), { 'haproxy.org/ssl-passthrough': 'true' }],
  ['another controller', TlsPassthrough.annotations({ 'example.com/tls': 'pass' }), { 'example.com/tls': 'pass' }],
])('an Ingress tells %s to hand TLS on', (_, passthrough, annotations) => {
  const manifests = synthesize({ exposure: Exposure.ingress({ host: HOST, passthrough, className: 'public' }) });
  expect(find(manifests, 'Ingress', 'my-vc1')).toMatchObject({
    apiVersion: 'networking.k8s.io/v1',
    metadata: { namespace: 'team-a', annotations, labels: { 'nestling.dev/control-plane': 'my-vc1' } },
    spec: {
      ingressClassName: 'public',
      rules: [
        {
          host: HOST,
          http: {
            paths: [
              {
                path: '/',
                pathType: 'ImplementationSpecific',
                backend: { service: { name: 'my-vc1', port: { name: 'https' } } },
              },
            ],
          },
        },
      ],
    },
  });
  expect(service(manifests).spec?.type).toBe('ClusterIP');
  expect(documentOf(manifests).apiServer).toMatchObject({
    extraNames: [HOST],
    kubeconfigServer: `https://${HOST}:443`,
  });
});

test('a TLSRoute belongs to a Gateway, and has the version that the host knows', () => {
  const gateway = { name: 'public', namespace: 'gateways', sectionName: 'tls' };
  const manifests = synthesize({ exposure: Exposure.tlsRoute({ host: HOST, gateway, port: 8443 }) });
  expect(find(manifests, 'TLSRoute', 'my-vc1')).toMatchObject({
    apiVersion: 'gateway.networking.k8s.io/v1',
    metadata: { namespace: 'team-a' },
    spec: {
      parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', ...gateway }],
      hostnames: [HOST],
      rules: [{ backendRefs: [{ name: 'my-vc1', port: 443 }] }],
    },
  });
  expect(documentOf(manifests).apiServer.kubeconfigServer).toBe(`https://${HOST}:8443`);
  const old = synthesize({
    exposure: Exposure.tlsRoute({ host: HOST, gateway: { name: 'public' }, apiVersion: 'v1alpha2' }),
  });
  expect(find(old, 'TLSRoute', 'my-vc1').apiVersion).toBe('gateway.networking.k8s.io/v1alpha2');
});

test('another type of Service restarts nothing', () => {
  const before = podTemplate({});
  expect(podTemplate({ exposure: Exposure.nodePort({ port: 30_443 }) })).toEqual(before);
  expect(podTemplate({ exposure: Exposure.loadBalancer() })).toEqual(before);
});

test('further kubeconfigs and the life of certificates are in the document, and the syncer may keep the Secrets', () => {
  const manifests = synthesize({
    certificateLifetime: Duration.hours(48),
    kubeconfigs: [
      { secretName: 'for-pods', server: KubeconfigServer.inside() },
      { secretName: 'for-people' },
      { secretName: 'by-url', server: KubeconfigServer.url('https://192.0.2.7:6443') },
    ],
  });
  const { apiServer, certificates } = documentOf(manifests);
  expect(certificates.lifetimeSeconds).toBe(172_800);
  expect(apiServer.kubeconfigs).toEqual([
    { secretName: 'for-pods', server: 'inside' },
    { secretName: 'for-people', server: 'outside' },
    { secretName: 'by-url', server: 'https://192.0.2.7:6443' },
  ]);
  const { rules } = find(manifests, 'Role', 'my-vc1') as unknown as { rules: { resourceNames?: string[] }[] };
  expect(rules.flatMap(({ resourceNames }) => resourceNames ?? [])).toEqual(
    expect.arrayContaining(['for-pods', 'for-people', 'by-url']),
  );
});

test('what is wrong is told by the property', () => {
  const error = propsError({
    certificateLifetime: Duration.seconds(5),
    exposure: Exposure.tlsRoute({ host: '192.0.2.1', port: 0, gateway: { name: 'Public' } }),
    kubeconfigs: [
      { secretName: 'web-x-shop-x-my-vc1' },
      { secretName: 'b', server: KubeconfigServer.url('https://other.example.com') },
    ],
  });
  expect(error).toContain('exposure.host: "192.0.2.1": is an address');
  expect(error).toContain('exposure.port: 0: is no port');
  expect(error).toContain('exposure.gateway.name: "Public": is no DNS name');
  expect(error).toContain('certificateLifetime: 5: must be at least 120 seconds');
  expect(error).toContain('kubeconfigs[0].secretName: "web-x-shop-x-my-vc1": could be the host name of a tenant');
  expect(propsError({ exposure: Exposure.nodePort({ address: '*.example.com' }) })).toContain(
    'exposure.address: "*.example.com": is a pattern',
  );
  expect(propsError({ exposure: Exposure.loadBalancer({ sourceRanges: ['10.0.0.0'] }) })).toContain(
    'exposure.sourceRanges[0]: "10.0.0.0"',
  );
  expect(
    propsError({ kubeconfigs: [{ secretName: 'b', server: KubeconfigServer.url('https://other.example.com') }] }),
  ).toContain('kubeconfigs[0].server: "https://other.example.com": has a name that the API server');
  expect(propsError({ kubeconfigs: [{ secretName: 'my-vc1-certs' }] })).toContain(
    'kubeconfigs[0].secretName: "my-vc1-certs": is a Secret that the virtual cluster has by itself',
  );
});
