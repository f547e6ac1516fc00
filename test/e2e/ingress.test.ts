import type { Pod, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { resources } from '../../syncer/kube-client';
import { clusterScopedHostName, hostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster';
import { Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/*
 * One virtual cluster for all that has a class or an account on the host: an Ingress whose controller is played, and pods on the real
 * node that name a RuntimeClass of the host, a PriorityClass of the tenant, and a ServiceAccount.
 */
const HOST_CLASS = 'e2e-ingress-shown';
const RUNTIME_CLASS = 'e2e-ingress-runc';
const SHOWN = { 'e2e-ingress': 'shown' };
const ROLE = 'eks.amazonaws.com/role-arn';
const view = { enabled: true, selector: SHOWN };

// Before the cluster, whose own hook closes the connections.
afterAll(async () => {
  for (const { type, object } of classes) await cluster.current.host.delete(type, { name: object.metadata.name });
});

const cluster = useVirtualCluster('ingress', {
  sync: {
    toHost: {
      ingresses: { allowedHosts: ['*.team-a.example.com'] },
      serviceAccounts: { enabled: true },
      priorityClasses: { enabled: true, maximumValue: 500 },
    },
    fromHost: { ingressClasses: view, runtimeClasses: view },
  },
});
const tenant = new Tenant(cluster, 'shop');
const identity = () => ({ name: cluster.current.name, hostNamespace: cluster.current.namespace });
const twinName = (name: string): string => hostName(identity(), tenant.namespace, name);

const classes = [
  {
    type: resources.ingressClasses,
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: HOST_CLASS, labels: SHOWN },
      spec: { controller: 'example.org/played' },
    },
  },
  {
    type: resources.runtimeClasses,
    object: {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: RUNTIME_CLASS, labels: SHOWN },
      handler: 'runc',
      overhead: { podFixed: { cpu: '10m' } },
    },
  },
];

beforeAll(async () => {
  for (const { type, object } of classes) await cluster.current.host.create(type, object);
  await tenant.prepare();
});

test('an Ingress with a certificate leads to the twin of a Service, and shows the address that a controller gives', async () => {
  const { host, namespace } = cluster.current;
  const data = {
    'tls.crt': Buffer.from('certificate').toString('base64'),
    'tls.key': Buffer.from('key').toString('base64'),
  };
  await eventually('the host’s IngressClass is seen', () => tenant.get(resources.ingressClasses, HOST_CLASS));
  await tenant.create<Service>(resources.services, 'web', {
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await tenant.create<Secret>(resources.secrets, 'certificate', { type: 'kubernetes.io/tls', data });
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const spec = {
    ingressClassName: HOST_CLASS,
    tls: [{ hosts: ['web.team-a.example.com'], secretName: 'certificate' }],
    rules: [{ host: 'web.team-a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
  };
  await tenant.create<Ingress>(resources.ingresses, 'web', { spec });
  const twin = await eventually('the Ingress is on the host', () => tenant.onHost<Ingress>(resources.ingresses, 'web'));
  expect(twin.spec).toMatchObject({
    ingressClassName: HOST_CLASS,
    tls: [{ hosts: ['web.team-a.example.com'], secretName: twinName('certificate') }],
    rules: [{ http: { paths: [{ backend: { service: { name: twinName('web') } } }] } }],
  });
  // All that the twin names is there.
  await tenant.onHost<Service>(resources.services, 'web');
  const secret = await eventually('the certificate is on the host', () =>
    tenant.onHost<Secret>(resources.secrets, 'certificate'),
  );
  expect(secret).toMatchObject({ type: 'kubernetes.io/tls', data });
  await host.patch(
    resources.ingresses,
    { namespace, name: twinName('web'), subresource: 'status', type: 'merge' },
    { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } },
  );
  await eventually('kubectl shows the address', async () =>
    (await tenant.kubectl('get', 'ingress', 'web')).stdout.includes('192.0.2.7'),
  );
});

test('an Ingress with a host of somebody else is refused, and kubectl describe says why', async () => {
  const spec = { ingressClassName: HOST_CLASS, rules: [{ host: 'bank.example.com' }] };
  await tenant.create<Ingress>(resources.ingresses, 'foreign', { spec });
  await eventually('kubectl describe names the host and the remedy', async () => {
    const { stdout } = await tenant.kubectl('describe', 'ingress', 'foreign');
    return stdout.includes('spec.rules[0].host is "bank.example.com"') && stdout.includes('*.team-a.example.com');
  });
  await expect(tenant.onHost(resources.ingresses, 'foreign')).rejects.toThrow(/not found/);
});

test('a pod runs with the RuntimeClass of the host, the PriorityClass and the ServiceAccount of the tenant', async () => {
  await eventually('the host’s RuntimeClass is seen', () => tenant.get(resources.runtimeClasses, RUNTIME_CLASS));
  await tenant.create<PriorityClass>(resources.priorityClasses, 'urgent', { value: 900 });
  await tenant.create<ServiceAccount>(resources.serviceAccounts, 'app', {
    metadata: { annotations: { [ROLE]: 'arn:aws:iam::1:role/app' } },
  });
  const wanted = { runtimeClassName: RUNTIME_CLASS, priorityClassName: 'urgent', serviceAccountName: 'app' };
  await eventually('the virtual API server takes a pod of the classes', () => tenant.createPod('classy', wanted));
  expect((await tenant.ready('classy')).spec).toMatchObject({ ...wanted, priority: 900 });
  const pod = await tenant.onHost<Pod>(resources.pods, 'classy');
  expect(pod.spec).toMatchObject({
    runtimeClassName: RUNTIME_CLASS,
    overhead: { cpu: '10m' },
    priorityClassName: clusterScopedHostName(identity(), 'urgent'),
    priority: 500,
    serviceAccountName: twinName('app'),
    automountServiceAccountToken: false,
  });
  const account = await tenant.onHost<ServiceAccount>(resources.serviceAccounts, 'app');
  expect(account.metadata?.annotations?.[ROLE]).toBe('arn:aws:iam::1:role/app');
  // The token in the pod is the virtual cluster's, of the tenant's account; the host's is nowhere.
  const token = await tenant.run('classy', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token');
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  expect(claims.sub).toBe('system:serviceaccount:shop:app');
  await tenant.deletePod('classy');
  await eventually('the account is gone from the host', async () => {
    const { items } = await cluster.current.host.list(resources.serviceAccounts, {
      namespace: cluster.current.namespace,
    });
    return items.every(({ metadata }) => metadata?.name !== twinName('app'));
  });
  await cluster.current.virtual.delete(resources.priorityClasses, { name: 'urgent' });
  await eventually('no PriorityClass of the tenant is left on the host', async () => {
    const labelSelector = `nestling.dev/virtual-cluster=${cluster.current.name},nestling.dev/host-namespace=${cluster.current.namespace}`;
    return (await cluster.current.host.list(resources.priorityClasses, { labelSelector })).items.length === 0;
  });
});
