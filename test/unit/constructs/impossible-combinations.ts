/**
 * What must not compile. Each line below a `@ts-expect-error` is a mistake that the compiler has to find; types.test.ts holds the
 * compiler to every one of them, and `npm run typecheck` does, too.
 */
import { App, Chart, Duration, Size } from 'cdk8s';
import {
  Cpu,
  Exposure,
  FieldPatch,
  HostNodes,
  IngressSync,
  KubernetesVersion,
  NodeSyncPolicy,
  PodSecurityLevel,
  Store,
  TlsPassthrough,
  VirtualCluster,
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
  // @ts-expect-error the addresses are missing
  Store.etcd({ secretName: 'etcd' });

  // @ts-expect-error a ClusterIP has no port of nodes
  Exposure.clusterIP({ port: 30_000 });
  // @ts-expect-error an API server behind a proxy that ends TLS knows no client
  Exposure.ingress({ host: 'vc.example.com' });
  // @ts-expect-error a node port passes everything on
  Exposure.nodePort({ passthrough });
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
    sync: { fromHost: { nodes }, toHost: { ingresses } },
  });
}
