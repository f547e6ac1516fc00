import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node, PodSpec } from 'kubernetes-types/core/v1';
import { Isolation } from '../../constructs';
import { STAGES } from '../../examples/cluster-simulation/stages';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { HostClusterError, resolveBinaries, resolveHost } from '../host-cluster';
import type { Host, Log } from '../host-cluster';
import { eventually, launch, provideImages } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/** Simulated nodes, and pods that each takes: enough for 10,000 on each side. */
const NODES = 20;
const PODS_PER_NODE = 1_000;
const SIMULATED = { type: 'simulated' };
const TAINT = 'simulated';
/** Of all namespaces that a run makes. */
const PREFIX = 'bench-';

/** Spec of every pod that is measured: simulated, so that what is measured is the way to a node and not a node. */
export const SIMULATED_POD: PodSpec = {
  nodeSelector: SIMULATED,
  tolerations: [{ key: TAINT, operator: 'Exists' }],
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'main', image: 'example.org/nowhere:1' }],
};

/**
 * A host cluster whose control planes of virtual clusters run on a real node, and whose tenants' pods on nodes that KWOK plays: their
 * kubelets cost the same for both sides.
 */
export class BenchHost {
  readonly client: KubeClient;

  private constructor(
    readonly host: Host,
    private readonly kwok: ChildProcess,
    private readonly directory: string,
    private readonly signal: AbortSignal,
  ) {
    this.client = new KubeClient(host.connection, { userAgent: 'nestling-bench' });
  }

  /** @throws HostClusterError on an existing cluster: its nodes are none to play with */
  static async start(log: Log, signal: AbortSignal): Promise<BenchHost> {
    const host = await resolveHost({ log, signal });
    if (host.kind !== 'node') {
      throw new HostClusterError('the benchmark needs a host cluster of its own', 'unset NESTLING_HOST');
    }
    await provideImages(host, log);
    const { kwok } = await resolveBinaries(['kwok'], log);
    const directory = mkdtempSync(join(tmpdir(), 'nestling-bench-'));
    const configuration = join(directory, 'kwok.yaml');
    writeFileSync(configuration, STAGES.replaceAll(`pods: '110'`, `pods: '${PODS_PER_NODE}'`));
    const output = openSync(join(directory, 'kwok.log'), 'w');
    const flags = [
      `--kubeconfig=${host.kubeconfigPath}`,
      `--config=${configuration}`,
      '--manage-all-nodes=false',
      '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
      '--node-lease-duration-seconds=40',
      '--cidr=100.64.0.1/16',
      '--node-ip=127.0.0.1',
    ];
    const child = spawn(kwok, flags, { stdio: ['ignore', output, output] });
    const bench = new BenchHost(host, child, directory, signal);
    try {
      await bench.#makeNodes();
    } catch (error) {
      await bench.stop(log);
      throw error;
    }
    return bench;
  }

  /** A virtual cluster of this host, with all defaults but for the taint of the simulated nodes. */
  async launch(name: string): Promise<RunningVirtualCluster> {
    const props = { isolation: Isolation.baseline({ toleratedTaints: [TAINT] }) };
    const cluster = await launch({ host: this.host, name, namespace: `${PREFIX}${name}`, props, signal: this.signal });
    await firstAccount(cluster.virtual, 'default');
    return cluster;
  }

  /** A namespace of the host for what is done directly. */
  async namespace(): Promise<string> {
    const name = `${PREFIX}direct`;
    await this.client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await firstAccount(this.client, name);
    return name;
  }

  /** Takes a namespace away with all that is in it. */
  async removeNamespace(name: string): Promise<void> {
    await this.client.delete(resources.namespaces, { name });
    await eventually(
      `namespace ${name} is gone`,
      async () => {
        try {
          await this.client.get(resources.namespaces, { name });
          return false;
        } catch (error) {
          if (ApiError.is(error, 'NotFound')) return true;
          throw error;
        }
      },
      300,
    );
  }

  async stop(log: Log): Promise<void> {
    try {
      // Where a scenario was given up.
      const { items } = await this.client.list(resources.namespaces, { metadataOnly: true });
      const left = items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name.startsWith(PREFIX));
      await Promise.all(left.map((name) => this.removeNamespace(name)));
      for (let index = 0; index < NODES; index += 1) {
        await this.client.delete(resources.nodes, { name: nodeName(index) }).catch(() => undefined);
      }
    } finally {
      if (this.kwok.exitCode === null && this.kwok.signalCode === null) {
        this.kwok.kill();
        await once(this.kwok, 'exit');
      }
      await this.client.close();
      rmSync(this.directory, { recursive: true, force: true });
      if (!this.host.wasThere) await this.host.down(log);
    }
  }

  async #makeNodes(): Promise<void> {
    for (let index = 0; index < NODES; index += 1) {
      const name = nodeName(index);
      await this.client.create<Node>(resources.nodes, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: {
          name,
          annotations: { 'kwok.x-k8s.io/node': 'fake' },
          labels: { ...SIMULATED, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' },
        },
        spec: { taints: [{ key: TAINT, value: 'true', effect: 'NoSchedule' }] },
      });
    }
    await eventually(`${NODES} simulated nodes are ready`, async () => {
      if (this.kwok.exitCode !== null) throw new Error(`kwok ended with code ${this.kwok.exitCode}`);
      const { items } = await this.client.list<Node>(resources.nodes, { labelSelector: 'type=simulated' });
      const ready = items.filter(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
      return ready.length === NODES;
    });
  }
}

/** Without it the API server takes no pod. */
function firstAccount(client: KubeClient, namespace: string): Promise<unknown> {
  return eventually(`the ServiceAccount of namespace ${namespace}`, () =>
    client.get(resources.serviceAccounts, { namespace, name: 'default' }),
  );
}

const nodeName = (index: number): string => `simulated-${index}`;
