/**
 * `npm run demo [-- --keep]`: a virtual cluster from a typed construct to a tenant's pods on a real node, and what the
 * founding talk showed in it. Every claim is checked; one that fails makes the exit code 1.
 */
import { parseArgs } from 'node:util';
import type { Pod } from 'kubernetes-types/core/v1';
import { ANNOTATIONS } from '../../syncer/translation';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { InterruptedError, resolveHost } from '../../test/host-cluster';
import type { Host } from '../../test/host-cluster';
import { contentsOf, exec, launch, provideImages } from '../../test/virtual-cluster';
import type { RunningVirtualCluster } from '../../test/virtual-cluster';
import { synthesizedObjects, SynthesisError } from '../synth/run-app';
import { Expectations } from './expectations';
import { deleteNamespace, howToConnect, howToRemove, kubectlAlias } from './instructions';
import { Interruption } from './interruption';
import { table } from './table';
import {
  createDeployment,
  createKubectlPod,
  createNamespace,
  createShell,
  expose,
  isReady,
  untilPods,
  untilServiceAccount,
} from './tenant';

const NAME = 'my-vc1';
const NAMESPACE = 'team-a';
const DEPLOYMENT = 'nginx-deploy';
/** What the demo measures itself against: times are printed, memory is held. */
const LIMITS = { answerSeconds: 12, firstWatchSeconds: 1.5, syncerMegabytes: 90 };

const USAGE = `usage: npm run demo [-- --keep]

  --keep   leave the host cluster and the virtual cluster running, and print how to connect

Environment:
  NESTLING_HOST          "existing" for the cluster of KUBECONFIG, "node" for a real node of this machine (the default)
  NESTLING_HOST_CONTEXT  the context of KUBECONFIG to take (default: the current one)
  NESTLING_HOST_NAME     the name of the real node's cluster (default: host)
`;

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
    process.stdout.write(USAGE);
    return;
  }
  const interruption = new Interruption(say);
  try {
    const failed = await demonstrate(interruption, values.keep);
    if (failed.length > 0) {
      process.stdout.write(
        `\n${failed.length} expectation(s) failed:\n${failed.map((text) => `  - ${text}\n`).join('')}`,
      );
      process.exitCode = 1;
      return;
    }
    say('the demo is done: everything it claims was seen');
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  } finally {
    // Work that takes no signal may still be under way; nobody waits for it.
    if (interruption.exitCode !== undefined) process.exit(interruption.exitCode);
  }
}

/** The whole demo; gives the expectations that failed. Cleans up, unless it is to be kept and was seen to the end. */
async function demonstrate(interruption: Interruption, keep: boolean): Promise<readonly string[]> {
  const { signal } = interruption;
  say('preparing the host cluster');
  const host = await resolveHost({ log: say, signal });
  let cluster: RunningVirtualCluster | undefined;
  let kept = false;
  try {
    await interruption.during(refuseLeftovers(host));
    await interruption.during(provideImages(host, say));
    say('synthesizing examples/quick-start with cdk8s');
    const objects = await interruption.during(
      synthesizedObjects({ command: 'node --import tsx examples/quick-start/main.ts' }),
    );
    say(`applying ${objects.length} objects of examples/quick-start`);
    cluster = await launch({ host, name: NAME, namespace: NAMESPACE, objects, log: say, signal });
    const failed = await interruption.during(show(cluster, host.kind, signal));
    if (keep) {
      say('left running (--keep)');
      process.stdout.write((await kubectlAlias(host)) + howToConnect(cluster) + howToRemove(host, NAMESPACE));
      kept = true;
      await cluster.disconnect();
    }
    return failed;
  } finally {
    if (!kept) await cleanUp(host, cluster);
  }
}

/** An earlier `--keep` would make every claim meaningless. */
async function refuseLeftovers(host: Host): Promise<void> {
  const client = new KubeClient(host.connection, { userAgent: 'nestling-demo' });
  try {
    const found = await contentsOf(client, NAMESPACE);
    if (found.length === 0) return;
    const some = found.slice(0, 3).join(', ') + (found.length > 3 ? ' …' : '');
    throw new Error(
      `host namespace ${NAMESPACE} is in use already (${some}), perhaps by an earlier demo with --keep; remove it with: ` +
        deleteNamespace(host, NAMESPACE),
    );
  } finally {
    await client.close();
  }
}

/** Does what a tenant would do and compares with what it should see. */
async function show(
  cluster: RunningVirtualCluster,
  kind: Host['kind'],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { host, virtual, kubeconfigPath } = cluster;
  const expectations = new Expectations();
  const answer = 'from apply to the virtual API server answering';
  const answerSeconds = cluster.answeredAfterMs / 1000;
  if (kind === 'node') expectations.within(answer, answerSeconds, LIMITS.answerSeconds);
  else say(`${answer}: ${answerSeconds.toFixed(1)} s, with images that this host may have had to pull`);

  say('create namespace ns1; create deployment nginx-deploy -n ns1 --replicas=2; expose it');
  await createNamespace(virtual, 'ns1');
  await createDeployment(virtual, 'ns1', DEPLOYMENT, 2);
  const address = await expose(virtual, 'ns1', DEPLOYMENT);
  await untilServiceAccount(virtual, 'default', signal);
  await createShell(virtual, 'default', 'shell');
  await createKubectlPod(virtual, 'default', 'kubectl', ['get', 'namespaces', '-o', 'name']);
  await untilPods(virtual, 'ns1', 'two ready pods', (pods) => pods.filter(isReady).length === 2, say, signal);
  await untilPods(virtual, 'kube-system', 'a ready DNS server', (pods) => pods.some(isReady), say, signal);
  await untilPods(
    virtual,
    'default',
    'a ready shell and the end of the kubectl pod',
    (pods) =>
      pods.some((pod) => pod.metadata?.name === 'shell' && isReady(pod)) &&
      pods.some((pod) => pod.metadata?.name === 'kubectl' && ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')),
    say,
    signal,
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

/** The syncer's start and memory, from its own metrics. */
async function measureSyncer(expectations: Expectations, host: KubeClient): Promise<void> {
  const metrics = await host.getText(`/api/v1/namespaces/${NAMESPACE}/pods/${NAME}-0:8080/proxy/metrics`);
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  const firstWatch = value('nestling_start_to_first_watch_seconds');
  expectations.within('the syncer from start to first watch', firstWatch, LIMITS.firstWatchSeconds);
  const megabytes = value('process_resident_memory_bytes') / 1e6;
  expectations.atMost('memory of the syncer (RSS)', megabytes, LIMITS.syncerMegabytes, 'MB');
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

/** What to do about errors of others, which do not say so themselves. */
function remedyOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) return '; see npm run demo -- --help';
  if (ApiError.is(error, 'Forbidden')) return '; set NESTLING_HOST_CONTEXT to a context whose user is a cluster-admin';
  return '';
}

main().catch((error: unknown) => {
  process.exitCode = 1;
  if (error instanceof SynthesisError) return; // the app said itself what is wrong
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${message}${remedyOf(error)}\n`);
  if (process.env.NESTLING_DEBUG) console.error(error);
});
