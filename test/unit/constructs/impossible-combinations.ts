/**
 * What must not compile. Each line below a `@ts-expect-error` is a mistake that the compiler has to find; types.test.ts holds the
 * compiler to every one of them, and `npm run typecheck` does, too.
 */
import { App, Chart, Duration, Size } from 'cdk8s';
import {
  ContainerDefaults,
  Cpu,
  Exposure,
  FieldPatch,
  HostNodes,
  IngressSync,
  Isolation,
  KubeconfigServer,
  KubernetesVersion,
  NetworkPeer,
  NodeSyncPolicy,
  PodSecurityLevel,
  Quota,
  Scheduler,
  SleepSchedule,
  Store,
  TlsPassthrough,
  VirtualCluster,
  type PublishedServiceProps,
  type ShownServiceProps,
} from '../../../constructs';

const chart = new Chart(new App(), 'types', { namespace: 'team-a' });
const passthrough = TlsPassthrough.ingressNginx();

export function impossibleCombinations(): void {
  // @ts-expect-error fake nodes need nothing on the host: there is nothing to share
  new NodeSyncPolicy(chart, 'fake', { nodes: NodeSyncPolicy.fake() });
  // @ts-expect-error only chosen nodes can be enforced
  HostNodes.all({ enforce: true });
  // @ts-expect-error real nodes are chosen by use, not by label
  NodeSyncPolicy.real({ enforce: true });
  // @ts-expect-error a selector has labels
  NodeSyncPolicy.nodesMatching();
  // @ts-expect-error what is shared is synced; a cluster that does not want it does not name it
  new IngressSync(chart, 'ingress', { enabled: false });

  // @ts-expect-error a store without a volume has no class, and is not kept
  Store.ephemeral({ storageClassName: 'fast' });
  // @ts-expect-error an ephemeral store is not kept
  Store.ephemeral({ retain: true });
  // @ts-expect-error the Secret is missing
  Store.postgres({});
  // @ts-expect-error a database has no volume of ours
  Store.postgres({ secretName: 'database', size: Size.gibibytes(1) });
  // @ts-expect-error a volume of our own has no prefix in a store of others
  Store.persistent({ prefix: '/vc' });
  // @ts-expect-error a database is somebody else's, who says how large it may be
  Store.mysql({ secretName: 'database', quota: Size.gibibytes(1) });
  // @ts-expect-error the addresses are missing
  Store.etcd({ secretName: 'etcd' });

  // @ts-expect-error a ClusterIP has no port of nodes
  Exposure.clusterIP({ port: 30_000 });
  // @ts-expect-error an API server behind a proxy that ends TLS knows no client
  Exposure.ingress({ host: 'vc.example.com' });
  // @ts-expect-error a node port passes everything on
  Exposure.nodePort({ passthrough });
  // @ts-expect-error a ClusterIP has no name that leads to it from outside
  Exposure.clusterIP({ host: 'vc.example.com' });
  // @ts-expect-error who may come in is said to a load balancer; a port of nodes lets everybody in
  Exposure.nodePort({ sourceRanges: ['203.0.113.0/24'] });
  // @ts-expect-error a load balancer has the port of the API server
  Exposure.loadBalancer({ port: 6443 });
  // @ts-expect-error how the controller passes TLS on is missing
  Exposure.ingress({ host: 'vc.example.com', className: 'public' });
  // @ts-expect-error a route of TLS is passed on as it is
  Exposure.tlsRoute({ host: 'vc.example.com', gateway: { name: 'gateway' }, passthrough });
  // @ts-expect-error the Gateway is missing
  Exposure.tlsRoute({ host: 'vc.example.com' });

  // @ts-expect-error a value to set is missing
  new IngressSync(chart, 'rules', { annotations: [{ key: 'a.example/b', action: 'set' }] });
  // @ts-expect-error what is dropped has no values
  new IngressSync(chart, 'rules', { annotations: [{ key: 'a.example/b', action: 'drop', values: 'text' }] });
  // @ts-expect-error what is named is missing
  new IngressSync(chart, 'rules', { annotations: [{ key: 'a.example/b', action: 'rewrite' }] });
  // @ts-expect-error the text is missing
  FieldPatch.rewrite('spec.a', { function: 'prefix' });

  // @ts-expect-error what is removed has no value
  FieldPatch.remove('spec.a', 'b');
  // @ts-expect-error a name on the host has no text of its own
  FieldPatch.rewrite('spec.a', { function: 'hostName', text: 'b' });
  // @ts-expect-error a function is no JSON
  FieldPatch.set('spec.a', () => 'b');

  // @ts-expect-error two replicas of the store agree on nothing when one is gone
  new VirtualCluster(chart, 'vc', { replicas: 2 });
  // @ts-expect-error levels of isolation are a class
  new VirtualCluster(chart, 'vc', { isolation: 'restricted' });
  // @ts-expect-error who may come in is a peer, so that a range, a namespace and pods are told apart
  Isolation.baseline({ network: { allowIngressFrom: ['203.0.113.0/24'] } });
  // @ts-expect-error a limit of objects is a number
  Quota.standard({ pods: '50' });
  // @ts-expect-error a limit of memory has a unit
  Quota.of({ memoryRequests: 40 });
  // @ts-expect-error containers ask for no storage: claims do
  ContainerDefaults.of({ storage: Size.gibibytes(1) });
  // @ts-expect-error pods are in a namespace, or in all; a range has none
  NetworkPeer.cidr('203.0.113.0/24', { namespace: 'platform' });
  // @ts-expect-error what wakes has slept before
  SleepSchedule.cron({ wake: '0 7 * * 1-5' });
  // @ts-expect-error working hours end
  SleepSchedule.outside({ from: '07:00' });
  // @ts-expect-error a schedule is a class, whose times are checked
  new VirtualCluster(chart, 'vc', { sleep: '0 19 * * *' });
  // @ts-expect-error a scheduler is a class
  new VirtualCluster(chart, 'vc', { scheduler: 'virtual' });
  // @ts-expect-error how far rights reach is an enumeration
  new VirtualCluster(chart, 'vc', { scope: 'namespace' });
  // @ts-expect-error 1.40 as a number would be 1.4
  new VirtualCluster(chart, 'vc', { hostVersion: 1.36 });
  // @ts-expect-error the Secret of a kubeconfig has a name
  new VirtualCluster(chart, 'vc', { kubeconfigs: [{ server: KubeconfigServer.inside() }] });
  // @ts-expect-error where a kubeconfig leads is a class
  new VirtualCluster(chart, 'vc', { kubeconfigs: [{ secretName: 'a', server: 'https://vc.example.com' }] });
  const virtual = { namespace: 'shop', name: 'web' };
  // @ts-expect-error a Service of the virtual cluster is in a namespace
  const shown: ShownServiceProps = { host: { name: 'db' }, virtual: { name: 'db' } };
  // @ts-expect-error a Service of the tenant is published in the cluster's own host namespace, never in another
  const published: PublishedServiceProps = { virtual, host: { name: 'web', namespace: 'other' } };
  new VirtualCluster(chart, 'vc', { hostServices: { toVirtual: [shown], toHost: [published] } });
  // @ts-expect-error only who syncs claims keeps them
  new VirtualCluster(chart, 'vc', { sync: { toHost: { networkPolicies: { deletionPolicy: 'Retain' } } } });
  // @ts-expect-error events have nothing to choose from
  new VirtualCluster(chart, 'vc', { sync: { fromHost: { events: { selector: {} } } } });
  // @ts-expect-error nodes come from the host
  new VirtualCluster(chart, 'vc', { sync: { toHost: { nodes: NodeSyncPolicy.real() } } });
  // @ts-expect-error a cluster that is declared elsewhere is in a namespace
  VirtualCluster.fromVirtualClusterName(chart, 'imported', 'vc');
  // @ts-expect-error one that is declared elsewhere takes no manifests
  VirtualCluster.fromVirtualClusterName(chart, 'imported', 'vc', { namespace: 'team-a' }).addManifests({});
  // @ts-expect-error a chart is made by a function, in the scope that it gets
  new VirtualCluster(chart, 'vc').addChart('web');

  // @ts-expect-error units are part of the type
  new VirtualCluster(chart, 'vc', { resources: { etcd: { cpuRequest: '1' } } });
  // @ts-expect-error memory has a unit
  new VirtualCluster(chart, 'vc', { resources: { etcd: { memoryRequest: '1Gi' } } });
  // @ts-expect-error a duration has a unit
  new VirtualCluster(chart, 'vc', { certificateLifetime: 3600 });
  // @ts-expect-error levels are an enumeration
  new VirtualCluster(chart, 'vc', { podSecurity: 'none' });
  // @ts-expect-error versions are a class
  new VirtualCluster(chart, 'vc', { version: '1.37.2' });
  // @ts-expect-error policies are a class
  new VirtualCluster(chart, 'vc', { sync: { fromHost: { nodes: 'real' } } });
  // @ts-expect-error no Deployment goes to the host
  new VirtualCluster(chart, 'vc', { sync: { toHost: { deployments: { enabled: true } } } });
  // @ts-expect-error what was given does not change
  new VirtualCluster(chart, 'vc').name = 'other';
}

/** Their right counterparts, which do compile. */
export function possibleCombinations(): void {
  const nodes = new NodeSyncPolicy(chart, 'gpu', { nodes: HostNodes.matching({ pool: 'gpu' }, { enforce: true }) });
  const ingresses = new IngressSync(chart, 'ingress', {
    annotations: [
      { key: 'a.example/b', action: 'set', value: 'c' },
      { key: 'a.example/c', action: 'allow', values: 'text' },
      { key: 'a.example/d', action: 'rewrite', names: 'secretName' },
    ],
  });
  new VirtualCluster(chart, 'vc', {
    store: Store.persistent({ storageClassName: 'fast', retain: true, size: Size.gibibytes(1) }),
    exposure: Exposure.ingress({ host: 'vc.example.com', passthrough }),
    resources: { etcd: { cpuRequest: Cpu.units(1), memoryRequest: Size.gibibytes(1) } },
    certificateLifetime: Duration.hours(1),
    podSecurity: PodSecurityLevel.RESTRICTED,
    version: KubernetesVersion.V1_36,
    sync: { fromHost: { nodes }, toHost: { ingresses, persistentVolumeClaims: { deletionPolicy: 'Retain' } } },
    replicas: 3,
    isolation: Isolation.baseline({
      network: { allowIngressFrom: [NetworkPeer.cidr('203.0.113.0/24'), NetworkPeer.namespace('platform')] },
      quota: Quota.standard({ pods: 50 }),
      containerDefaults: ContainerDefaults.of({ cpuRequest: Cpu.millis(10) }),
    }),
    scheduler: Scheduler.host(),
    hostVersion: '1.36',
    kubeconfigs: [{ secretName: 'a', server: KubeconfigServer.inside() }],
    hostServices: {
      toHost: [{ virtual: { namespace: 'shop', name: 'web' }, host: { name: 'web' } }],
      toVirtual: [{ host: { namespace: 'platform', name: 'db' }, virtual: { namespace: 'shop', name: 'db' } }],
    },
  });
}
