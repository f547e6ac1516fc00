import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterConnection } from '../../syncer/kube-client';
import { Api } from './api';
import { resolveBinaries } from './binaries';
import type { ControlPlaneIdentity, ControlPlaneLayout } from './control-plane';
import {
  apiServerCommand,
  controllerManagerCommand,
  createIdentity,
  etcdCommand,
  schedulerCommand,
} from './control-plane';
import { HostClusterError } from './failure';
import { writeKubeconfig } from './kubeconfig';
import { findProgram } from './prerequisites';
import { identify } from './process-identity';
import { logTail, ProcessEndedError } from './processes';
import type { Log } from './progress';
import type { KubernetesMinor } from './versions';

/** What a bare API server is started with. */
export interface ApiServerOptions {
  /** Appears in its certificates and as its context. @default 'test' */
  readonly name?: string;
  /** Flags for kube-apiserver, after ours: the last one of a name counts. */
  readonly flags?: readonly string[];
  /**
   * Controllers of kube-controller-manager to run, as in its flag `--controllers` (`['*']` for all).
   *
   * @default none: no controller manager, and pods need no ServiceAccount
   */
  readonly controllers?: readonly string[];
  /**
   * Whether kube-scheduler runs, of the API server's version.
   *
   * @default false
   */
  readonly scheduler?: boolean;
  /** @default '10.96.0.0/16' */
  readonly serviceCIDR?: string;
  /** Where it listens on 127.0.0.1. @default a free port */
  readonly port?: number;
  /** Minor of Kubernetes. @default that of everything else */
  readonly version?: KubernetesMinor;
  /** Takes one line of progress: only when binaries have to be made. @default silence */
  readonly log?: Log;
}

/** A kube-apiserver with its etcd, as plain processes on loopback, for tests that need no nodes. */
export interface RunningApiServer {
  /** As an administrator. */
  readonly connection: ClusterConnection;
  /** A file for `kubectl --kubeconfig`, gone after `stop`. */
  readonly kubeconfigPath: string;
  /** Files of the processes: keys in `pki`, logs in `*.log`. Gone after `stop`. */
  readonly directory: string;
  /** A connection as any other user, with a certificate. */
  connectionFor(user: string, ...groups: string[]): ClusterConnection;
  /** Kills the API server alone, as a crash would; `startAgain` brings it back with all its data. */
  kill(): Promise<void>;
  /**
   * Starts the API server after `kill`, at the same address, and waits until it is ready.
   * @param version as another minor of Kubernetes, which it stays: an upgrade
   */
  startAgain(version?: KubernetesMinor): Promise<void>;
  /** Stops the API server from running, or lets it go on: connections stay open and nothing answers. */
  freeze(frozen: boolean): void;
  /** Makes the store forget all states before the present one: a watch from an older one gets 410. */
  compact(): Promise<void>;
  /** Ends all processes and removes all files. Harmless when called again. */
  stop(): Promise<void>;
}

/** How long an API server may take to be ready. */
const READY_MILLISECONDS = 60_000;
/** How often other ports are tried when something took one between our look and the server's. */
const ATTEMPTS = 3;
const PREFIX = 'nestling-api-server-';

/**
 * Starts an API server on free ports; several may run at once. It ends with this process at the latest.
 *
 * @throws HostClusterError when a given port is taken or the programs cannot be had, ProcessEndedError when one of them ends
 */
export async function startApiServer(options: ApiServerOptions = {}): Promise<RunningApiServer> {
  const programs = await apiServerPrograms(options.version, options.log);
  removeAbandoned();
  if (options.port !== undefined) await checkPort(options.port);
  for (let attempt = 1; ; attempt++) {
    const server = new BareApiServer(programs, options, await freePorts(3));
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      const collision = error instanceof ProcessEndedError && error.logTail.includes('address already in use');
      if (!collision || options.port !== undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

function apiServerPrograms(
  version: KubernetesMinor | undefined,
  log: Log = () => undefined,
): Promise<Record<'etcd' | 'kube-apiserver' | 'kube-controller-manager', string>> {
  return resolveBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager'], log, undefined, version);
}

class BareApiServer implements RunningApiServer {
  readonly directory: string;
  readonly kubeconfigPath: string;
  private apiServer: string;
  private readonly layout: ControlPlaneLayout;
  private readonly identity: ControlPlaneIdentity;
  private readonly children = new Map<string, ChildProcess>();
  /** At the latest when this process ends normally; where it is killed, the kernel ends the children. */
  private readonly onExit = (): void => {
    for (const child of this.children.values()) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  };

  constructor(
    private readonly programs: Record<'etcd' | 'kube-apiserver' | 'kube-controller-manager', string>,
    private readonly options: ApiServerOptions,
    [port = 0, etcdPort = 0, etcdPeerPort = 0]: readonly number[],
  ) {
    this.apiServer = programs['kube-apiserver'];
    const own = identify(process.pid);
    this.directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-${own?.startTicks ?? 0}-`));
    process.on('exit', this.onExit);
    this.layout = {
      name: options.name ?? 'test',
      directory: this.directory,
      address: '127.0.0.1',
      port: options.port ?? port,
      etcdPort,
      etcdPeerPort,
      serviceCIDR: options.serviceCIDR ?? '10.96.0.0/16',
      addresses: [],
      clusterDomain: 'cluster.local',
    };
    this.identity = createIdentity(this.layout);
    this.kubeconfigPath = join(this.directory, 'kubeconfig');
    writeKubeconfig(this.kubeconfigPath, this.layout.name, this.identity.admin);
  }

  get connection(): ClusterConnection {
    return this.identity.admin;
  }

  connectionFor(user: string, ...groups: string[]): ClusterConnection {
    return this.identity.connectionFor(user, ...groups);
  }

  async start(): Promise<void> {
    this.launch('etcd', etcdCommand(this.programs.etcd, this.layout));
    await this.startAgain();
    const { controllers, scheduler = false, log = () => undefined } = this.options;
    if (scheduler) {
      const { 'kube-scheduler': program } = await resolveBinaries(
        ['kube-scheduler'],
        log,
        undefined,
        this.options.version,
      );
      this.launch('kube-scheduler', schedulerCommand(program, this.layout, this.identity, ['--secure-port=0']));
    }
    if (!controllers) return;
    const command = controllerManagerCommand(this.programs['kube-controller-manager'], this.layout, this.identity, [
      `--controllers=${controllers.join(',')}`,
      '--secure-port=0',
    ]);
    this.launch('kube-controller-manager', command);
  }

  async startAgain(version?: KubernetesMinor): Promise<void> {
    if (version !== undefined) {
      this.apiServer = (await apiServerPrograms(version, this.options.log))['kube-apiserver'];
    }
    const { layout, identity, options } = this;
    const command = apiServerCommand(this.apiServer, layout, identity, [
      // A loopback address cannot be an endpoint: without this the server complains every 10 s.
      '--endpoint-reconciler-type=none',
      ...(options.controllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(options.flags ?? []),
    ]);
    const child = this.launch('kube-apiserver', command);
    const api = new Api(identity.admin);
    const giveUp = new AbortController();
    const ended = new Promise<never>((_, reject) => {
      const watched = [child, this.children.get('etcd')];
      for (const each of watched) each?.once('exit', () => reject(this.ended(each)));
    });
    const timer = setTimeout(() => giveUp.abort(), READY_MILLISECONDS);
    try {
      await Promise.race([api.whenReady(giveUp.signal), ended]);
    } catch (error) {
      if (!(error instanceof ProcessEndedError) && giveUp.signal.aborted) {
        const log = join(this.directory, 'kube-apiserver.log');
        throw new HostClusterError(
          `kube-apiserver ${layout.name} was not ready after ${READY_MILLISECONDS / 1000} s`,
          `see the end of its log: ${logTail(log)}`,
        );
      }
      throw error;
    } finally {
      clearTimeout(timer);
      giveUp.abort();
      ended.catch(() => undefined);
      api.close();
    }
  }

  async kill(): Promise<void> {
    await this.end('kube-apiserver');
  }

  freeze(frozen: boolean): void {
    this.children.get('kube-apiserver')?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  async compact(): Promise<void> {
    const { header } = await this.store('kv/range', { key: 'AA==' });
    await this.store('kv/compaction', { revision: header.revision, physical: true });
  }

  private async store(call: string, body: object): Promise<{ header: { revision: string } }> {
    const url = `http://127.0.0.1:${this.layout.etcdPort}/v3/${call}`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd ${call} answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { header: { revision: string } };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.children.keys()].map((name) => this.end(name)));
    process.off('exit', this.onExit);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private ended(child: ChildProcess): Error {
    const [name = 'a process'] = [...this.children].find(([, each]) => each === child) ?? [];
    return new ProcessEndedError(name, logTail(join(this.directory, `${name}.log`), 20));
  }

  private launch(name: string, command: readonly string[]): ChildProcess {
    const logFile = openSync(join(this.directory, `${name}.log`), 'a');
    // Killed by the kernel when this process is: no test run leaves servers behind, however it ends.
    const guard = findProgram('setpriv');
    const [program = '', ...args] = guard ? [guard, '--pdeathsig', 'KILL', ...command] : command;
    try {
      // A group of its own: an interrupt typed at the terminal is ours to handle.
      const child = spawn(program, args, { stdio: ['ignore', logFile, logFile], detached: true, cwd: this.directory });
      child.on('error', () => undefined);
      this.children.set(name, child);
      return child;
    } finally {
      closeSync(logFile);
    }
  }

  /** SIGKILL, as an API server takes up to a minute to stop in order. */
  private async end(name: string): Promise<void> {
    const child = this.children.get(name);
    if (!child) return;
    this.children.delete(name);
    child.removeAllListeners('exit');
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

async function listen(port: number): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Different ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => listen(0)));
  await Promise.all(held.map(({ close }) => close()));
  return held.map(({ port }) => port);
}

async function checkPort(port: number): Promise<void> {
  try {
    await (await listen(port)).close();
  } catch (error) {
    throw new HostClusterError(
      `port ${port} of 127.0.0.1 is not free (${(error as NodeJS.ErrnoException).code})`,
      'end the program that listens there, or leave the port out to get a free one',
      { cause: error },
    );
  }
}

/** Removes the directories of test runs that were killed: their servers ended with them. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const match = name.startsWith(PREFIX) ? /^(\d+)-(\d+)-/.exec(name.slice(PREFIX.length)) : null;
    if (!match) continue;
    const owner = identify(Number(match[1]));
    if (owner?.startTicks !== match[2]) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
