/**
 * `npm run demo [-- --keep]`: a virtual cluster from a typed construct to a tenant's pods on a real node, and what the
 * founding talk showed in it. Every claim is checked; one that fails makes the exit code 1.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Pod } from 'kubernetes-types/core/v1';
import { parseAllDocuments } from 'yaml';
import { ANNOTATIONS } from '../../syncer/translation';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { AnyObject } from '../../syncer/kube-client';
import { resolveHost } from '../../test/host-cluster';
import type { Host } from '../../test/host-cluster';
import { contentsOf, exec, launch, provideImages } from '../../test/virtual-cluster';
import type { RunningVirtualCluster } from '../../test/virtual-cluster';
import { Expectations } from './expectations';
import { table } from './table';
import { createDeployment, createKubectlPod, createNamespace, createShell, expose, isReady, untilPods } from './tenant';

const NAME = 'my-vc1';
const NAMESPACE = 'team-a';
const DEPLOYMENT = 'nginx-deploy';
/** Bounds that the demo prints and holds itself to. */
const LIMITS = { answerSeconds: 12, firstWatchSeconds: 1.5, syncerMegabytes: 90 };

const started = Date.now();
const seconds = (): string => ((Date.now() - started) / 1000).toFixed(1);
const say = (text: string): void => void process.stdout.write(`[${seconds()} s] ${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      'usage: npm run demo [-- --keep]\n\n  --keep   leave the host cluster and the virtual cluster running\n',
    );
    return;
  }
  say('preparing the host cluster');
  const host = await resolveHost({ log: say });
  let cluster: RunningVirtualCluster | undefined;
  let failed: readonly string[] = ['the demo was interrupted'];
  try {
    await refuseLeftovers(host);
    await provideImages(host, say);
    const objects = synthesize();
    say(`applying ${objects.length} objects of examples/quick-start`);
    cluster = await launch({ host, name: NAME, namespace: NAMESPACE, objects, log: say });
    failed = await show(cluster);
    if (values.keep) {
      say('left running (--keep). To connect:');
      process.stdout.write(`  export KUBECONFIG=${cluster.kubeconfigPath}\n  kubectl get namespaces\n`);
      process.stdout.write('To remove everything: npm run host -- down\n');
      await cluster.disconnect();
    }
  } finally {
    if (!values.keep) await cleanUp(host, cluster);
  }
  if (failed.length > 0) {
    process.stdout.write(
      `\n${failed.length} expectation(s) failed:\n${failed.map((text) => `  - ${text}\n`).join('')}`,
    );
    process.exitCode = 1;
    return;
  }
  say('the demo is done: everything it claims was seen');
}

/** An earlier `--keep` would make every claim meaningless. */
async function refuseLeftovers(host: Host): Promise<void> {
  const client = new KubeClient(host.connection, { userAgent: 'nestling-demo' });
  try {
    const found = await contentsOf(client, NAMESPACE);
    if (found.length === 0) return;
    throw new Error(
      `host namespace ${NAMESPACE} is in use already (${found.slice(0, 3).join(', ')} …), perhaps by an earlier demo with --keep: ` +
        (host.kind === 'node' ? 'run `npm run host -- down` first' : `delete namespace ${NAMESPACE} first`),
    );
  } finally {
    await client.close();
  }
}

/** `cdk8s synth` of the quick start. */
function synthesize(): AnyObject[] {
  say('synthesizing examples/quick-start with cdk8s');
  const directory = mkdtempSync(join(tmpdir(), 'nestling-demo-'));
  try {
    execFileSync(process.execPath, ['--import', 'tsx', 'examples/quick-start/main.ts'], {
      env: { ...process.env, CDK8S_OUTDIR: directory },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return readdirSync(directory)
      .sort()
      .flatMap((file) => parseAllDocuments(readFileSync(join(directory, file), 'utf8')))
      .map((document) => document.toJS() as AnyObject)
      .filter((object) => object !== null);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Does what a tenant would do and compares with what it should see. */
async function show(cluster: RunningVirtualCluster): Promise<readonly string[]> {
  const { host, virtual, kubeconfigPath } = cluster;
  const expectations = new Expectations();
  expectations.atMost(
    'from apply to the virtual API server answering',
    cluster.answeredAfterMs / 1000,
    LIMITS.answerSeconds,
    's',
  );

  say('create namespace ns1; create deployment nginx-deploy -n ns1 --replicas=2; expose it');
  await createNamespace(virtual, 'ns1');
  await createDeployment(virtual, 'ns1', DEPLOYMENT, 2);
  const address = await expose(virtual, 'ns1', DEPLOYMENT);
  await createShell(virtual, 'default', 'shell');
  await createKubectlPod(virtual, 'default', 'kubectl', ['get', 'namespaces', '-o', 'name']);
  await untilPods(virtual, 'ns1', 'two ready pods', (pods) => pods.filter(isReady).length === 2, say);
  await untilPods(virtual, 'kube-system', 'a ready DNS server', (pods) => pods.some(isReady), say);
  await untilPods(
    virtual,
    'default',
    'a ready shell and the end of the kubectl pod',
    (pods) =>
      pods.some((pod) => pod.metadata?.name === 'shell' && isReady(pod)) &&
      pods.some((pod) => pod.metadata?.name === 'kubectl' && ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')),
    say,
  );

  say('what the tenant sees');
  const deployment = await virtual.get(resources.deployments, { namespace: 'ns1', name: DEPLOYMENT });
  expectations.equal(
    'the deployment has 2 ready replicas',
    (deployment.status as { readyReplicas?: number }).readyReplicas,
    2,
  );
  const shell = { namespace: 'default', pod: 'shell' };
  const lookup = await exec(kubeconfigPath, shell, ['nslookup', `${DEPLOYMENT}.ns1.svc.cluster.local`]);
  expectations.contains('another pod looks the service up by its name (kubectl exec, DNS)', lookup.stdout, address);
  const page = await exec(kubeconfigPath, shell, [
    'timeout',
    '10',
    'wget',
    '-q',
    '-O',
    '-',
    `http://${DEPLOYMENT}.ns1`,
  ]);
  expectations.contains('another pod fetches the page by the short name', page.stdout, 'Welcome to nginx');
  const output = await virtual.getText('/api/v1/namespaces/default/pods/kubectl/log');
  expectations.contains(
    'kubectl in a pod sees the virtual namespaces (in-cluster configuration, kubectl logs)',
    output,
    'namespace/ns1',
  );
  expectations.equal(
    'kubectl in a pod does not see the host namespace',
    output.includes(`namespace/${NAMESPACE}`),
    false,
  );

  say('both sides');
  await compare(expectations, host, virtual, address);
  await measureSyncer(expectations, host);
  return expectations.failed;
}

async function compare(
  expectations: Expectations,
  host: KubeClient,
  virtual: KubeClient,
  address: string,
): Promise<void> {
  const [virtualPods, hostPods, hostDeployments, hostNamespaces, hostServices] = await Promise.all([
    virtual.list<Pod>(resources.pods),
    host.list<Pod>(resources.pods, { namespace: NAMESPACE }),
    host.list(resources.deployments, { namespace: NAMESPACE }),
    host.list(resources.namespaces),
    host.list(resources.services, { namespace: NAMESPACE }),
  ]);
  const twins = new Map(hostPods.items.map((pod) => [pod.metadata?.annotations?.[ANNOTATIONS.uid], pod]));
  const rows = virtualPods.items.map((pod) => {
    const twin = twins.get(pod.metadata?.uid);
    return [
      `${pod.metadata?.namespace}/${pod.metadata?.name}`,
      twin?.metadata?.name ?? '(none)',
      pod.spec?.nodeName ?? '(none)',
      pod.status?.phase ?? '(none)',
    ];
  });
  process.stdout.write(table(['VIRTUAL POD', `HOST POD (namespace ${NAMESPACE})`, 'NODE', 'STATUS'], rows));
  expectations.equal(
    'each virtual pod has a twin on the same node with the same status',
    virtualPods.items
      .filter((pod) => {
        const twin = twins.get(pod.metadata?.uid);
        return !twin || twin.spec?.nodeName !== pod.spec?.nodeName || twin.status?.phase !== pod.status?.phase;
      })
      .map((pod) => pod.metadata?.name),
    [],
  );
  expectations.equal('the host has no Deployment in the namespace', hostDeployments.items.length, 0);
  expectations.equal(
    'the host has no namespace ns1',
    hostNamespaces.items.some((item) => item.metadata?.name === 'ns1'),
    false,
  );
  expectations.equal(
    'the service has the same address on both sides',
    hostServices.items.some((service) => (service.spec as { clusterIP?: string }).clusterIP === address),
    true,
  );
}

/** Start-up time from the syncer's log, memory from its metrics. */
async function measureSyncer(expectations: Expectations, host: KubeClient): Promise<void> {
  const base = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const log = await host.getText(`${base}/${NAME}-0/log`, { query: { container: 'syncer' } });
  const watching = log
    .split('\n')
    .filter((line) => line.includes('watching the host'))
    .map((line) => (JSON.parse(line) as { milliseconds: number }).milliseconds)[0];
  expectations.atMost(
    'the syncer from start to first watch',
    (watching ?? Number.POSITIVE_INFINITY) / 1000,
    LIMITS.firstWatchSeconds,
    's',
  );
  const metrics = await host.getText(`${base}/${NAME}-0:8080/proxy/metrics`);
  const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1] ?? Number.NaN);
  expectations.atMost('memory of the syncer (RSS)', bytes / 1e6, LIMITS.syncerMegabytes, 'MB');
}

async function cleanUp(host: Host, cluster: RunningVirtualCluster | undefined): Promise<void> {
  try {
    if (cluster) {
      say('deleting the virtual cluster');
      await cluster.destroy();
      say('nothing of it is left in the host namespace');
    }
  } finally {
    if (!host.wasThere) {
      say('stopping the host cluster');
      await host.down();
    }
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env.NESTLING_DEBUG) console.error(error);
  process.exitCode = 1;
});
