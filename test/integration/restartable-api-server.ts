import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterConnection, KubeClient } from '../../syncer/kube-client';
import { resolveBinaries } from '../host-cluster/binaries';
import {
  apiServerCommand,
  type ControlPlaneIdentity,
  type ControlPlaneLayout,
  createIdentity,
  etcdCommand,
} from '../host-cluster/control-plane';
import { standardErrorLog } from '../host-cluster/progress';

/** etcd and kube-apiserver on loopback, which tests of the client may kill, restart and compact under it. */
export class RestartableApiServer {
  readonly connection: ClusterConnection;
  #etcd: ChildProcess | undefined;
  #apiServer: ChildProcess | undefined;

  private constructor(
    private readonly binaries: Record<'etcd' | 'kube-apiserver', string>,
    private readonly layout: ControlPlaneLayout,
    private readonly identity: ControlPlaneIdentity,
    private readonly more: readonly string[],
  ) {
    this.connection = identity.admin;
  }

  /** Starts both and waits until the API server is ready. @param more flags of kube-apiserver */
  static async start(name: string, more: readonly string[] = []): Promise<RestartableApiServer> {
    const binaries = await resolveBinaries(['etcd', 'kube-apiserver'], standardErrorLog);
    const [port, etcdPort, etcdPeerPort] = await freePorts(3);
    const layout: ControlPlaneLayout = {
      name,
      directory: mkdtempSync(join(tmpdir(), `nestling-${name}-`)),
      address: '127.0.0.1',
      port: port as number,
      etcdPort: etcdPort as number,
      etcdPeerPort: etcdPeerPort as number,
      serviceCIDR: '10.96.0.0/16',
      addresses: [],
      clusterDomain: 'cluster.local',
    };
    const server = new RestartableApiServer(binaries, layout, createIdentity(layout), more);
    try {
      server.#etcd = server.#spawn('etcd', etcdCommand(binaries.etcd, layout));
      await server.startApiServer();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Certificate and address of another user. */
  async connectionFor(user: string, ...groups: string[]): Promise<ClusterConnection> {
    return this.identity.connectionFor(user, ...groups);
  }

  /** Starts the API server and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const command = apiServerCommand(this.binaries['kube-apiserver'], this.layout, this.identity, [
      // Endpoints of Service kubernetes must not be on loopback; nobody needs them here.
      '--endpoint-reconciler-type=none',
      ...this.more,
    ]);
    this.#apiServer = this.#spawn('kube-apiserver', command);
    const client = new KubeClient(this.connection, { userAgent: 'test-readiness', timeoutSeconds: 2 });
    try {
      for (const end = Date.now() + 60_000; ; await sleep(100)) {
        if (this.#apiServer.exitCode !== null) throw new Error(`kube-apiserver ended:\n${this.#log('kube-apiserver')}`);
        try {
          await client.getText('/readyz');
          return;
        } catch (error) {
          if (Date.now() > end)
            throw new Error(`kube-apiserver is not ready:\n${this.#log('kube-apiserver')}`, { cause: error });
        }
      }
    } finally {
      await client.close();
    }
  }

  /** Ends the API server with SIGKILL: connections break, nothing is said goodbye to. */
  async killApiServer(): Promise<void> {
    await end(this.#apiServer);
  }

  /** Freezes or continues the API server: connections stay open and nothing answers. */
  freeze(frozen: boolean): void {
    this.#apiServer?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Makes etcd forget all states before the present one. */
  async compact(): Promise<void> {
    const call = async (path: string, body: object) => {
      const answer = await fetch(`http://127.0.0.1:${this.layout.etcdPort}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`etcd ${path}: ${await answer.text()}`);
      return (await answer.json()) as { header: { revision: string } };
    };
    const { header } = await call('kv/range', { key: 'AA==' });
    await call('kv/compaction', { revision: header.revision, physical: true });
  }

  /** Ends both and removes their files. */
  async stop(): Promise<void> {
    this.freeze(false);
    await end(this.#apiServer);
    await end(this.#etcd);
    rmSync(this.layout.directory, { recursive: true, force: true });
  }

  #spawn(name: string, [program, ...args]: string[]): ChildProcess {
    const log = openSync(join(this.layout.directory, `${name}.log`), 'a');
    const child = spawn(program as string, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  #log(name: string): string {
    return readFileSync(join(this.layout.directory, `${name}.log`), 'utf8').slice(-1000);
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
