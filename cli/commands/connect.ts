import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ConnectionError, KubeClient } from '../../syncer/kube-client';
import { runningForward, startForward, stopForward } from '../background-forward';
import type { Flags } from '../command';
import { kubeconfigText, mergeContext, virtualCredentials } from '../connection';
import type { VirtualCredentials } from '../connection';
import type { Context } from '../context';
import { EXIT, Failure, UsageFailure } from '../failure';
import type { HostCluster } from '../host';
import { HostAccess } from '../host-access';
import { forwardPort } from '../port-forward';
import { apiServerRoute } from '../route';
import { contextName, findCluster } from '../virtual-clusters';
import type { FoundCluster } from '../virtual-clusters';
import { waitReady } from '../wait-ready';
import { secondsOf } from './create';

/** How long the API may take to answer at an address of its own, in ms, before a port is forwarded in its place. */
const ANSWER_MS = 5_000;
const RETRY_MS = 200;

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .argument('[command...]', 'after --: a command to run with its kubeconfig, in place of switching to it')
    .option('--print', 'print a kubeconfig, and leave yours alone')
    .option('--server <url>', 'address of its API server, where you have a way of your own')
    .option('--port-forward', 'forward a port also where its API server has an address')
    .option('--local-port <port>', 'port of this machine that is forwarded; 0: any', '0')
    .option('--timeout <seconds>', 'how long to wait until it answers', '180')
    .addHelpText(
      'after',
      `
Switches the current context of your kubeconfig. Where its API server has no address that answers, a process in the background forwards a
port, until nestling disconnect.

  nestling connect my-vc1 && kubectl get namespaces
  nestling connect my-vc1 -- kubectl get namespaces`,
    );
}

/** A way to the API server, and how it ends. */
interface Way {
  readonly server: string;
  readonly pid?: number;
  close(): Promise<void>;
}

export async function run(context: Context, args: readonly unknown[], flags: Flags): Promise<number> {
  const { signal, progress, output } = context;
  const command = (args[1] ?? []) as readonly string[];
  const timeoutSeconds = secondsOf(flags['timeout']);
  const localPort = Number(flags['localPort']);
  if (!Number.isInteger(localPort) || localPort < 0 || localPort > 65_535) {
    throw new UsageFailure(`--local-port ${String(flags['localPort'])} is no port: write a number up to 65535`);
  }
  if (command.length > 0 && flags['print'] === true)
    throw new UsageFailure('--print and a command exclude each other: leave one of them out');
  const host = await context.host();
  const cluster = await findCluster(host, String(args[0]), signal);
  const { name, namespace } = cluster;
  if (cluster.status === 'Paused') {
    throw new Failure(
      `virtual cluster ${namespace}/${name} is paused: wake it with nestling resume ${name} -n ${namespace}`,
    );
  }
  if (cluster.status === 'Deleting')
    throw new Failure(`virtual cluster ${namespace}/${name} is being deleted: it cannot be connected to`);
  if (cluster.status === 'Starting') {
    await waitReady({ client: host.client, name, namespace, progress, signal, timeoutSeconds });
  }
  const credentials = await virtualCredentials(host, name, namespace, signal);
  const target: Target = { context, host, cluster, credentials, timeoutSeconds, localPort };
  const direct = await directServer(target, flags);
  if (command.length > 0) return runInside(target, direct, command);
  const way =
    direct === undefined ? await forwardInBackground(target) : { server: direct, close: () => Promise.resolve() };
  try {
    await untilAnswers(target, way.server, timeoutSeconds * 1000);
    const reached = { ...credentials, server: way.server };
    const contextOfCluster = contextName(name, namespace, host.context.name);
    progress.clear();
    signal.throwIfAborted();
    if (flags['print'] === true) {
      if (way.pid !== undefined) {
        progress.note(`process ${way.pid} forwards ${way.server}; nestling delete ${name} ends it, or kill ${way.pid}`);
      }
      output.raw(await kubeconfigText(contextOfCluster, reached));
      return EXIT.ok;
    }
    await mergeContext(
      host.kubeconfig,
      reached,
      { cluster: name, namespace, parent: host.context.name },
      contextOfCluster,
    );
    const result = { name, namespace, context: contextOfCluster, server: way.server, pid: way.pid ?? null };
    output.result(result, () =>
      [
        `the current context is ${contextOfCluster}`,
        ...(way.pid === undefined ? [] : [`process ${way.pid} forwards ${way.server}`]),
        'nestling disconnect goes back',
      ].join('\n'),
    );
    return EXIT.ok;
  } catch (error) {
    await way.close();
    throw error;
  }
}

interface Target {
  readonly context: Context;
  readonly host: HostCluster;
  readonly cluster: FoundCluster;
  readonly credentials: VirtualCredentials;
  readonly timeoutSeconds: number;
  readonly localPort: number;
}

/** The address at which the API server answers without us; undefined: a port has to be forwarded. */
async function directServer(target: Target, flags: Flags): Promise<string | undefined> {
  if (flags['server'] !== undefined) return String(flags['server']);
  if (flags['portForward'] === true) return undefined;
  const { server } = target.credentials;
  // The name of a Service means nothing outside of its cluster; inside of a pod of it, it answers.
  const inside = new URL(server).hostname.endsWith('.svc');
  if (inside && process.env['KUBERNETES_SERVICE_HOST'] === undefined) return undefined;
  try {
    await untilAnswers(target, server, ANSWER_MS);
    return server;
  } catch (error) {
    if (target.context.signal.aborted) throw error;
    if (!inside) target.context.progress.note(`${server} does not answer from here: a port is forwarded in its place`);
    return undefined;
  }
}

/** @throws Failure when the API server did not answer in time */
async function untilAnswers(
  { context, credentials, cluster }: Target,
  server: string,
  milliseconds: number,
): Promise<void> {
  const { signal, progress } = context;
  const client = new KubeClient({ ...credentials, server }, { userAgent: 'nestling-cli', timeoutSeconds: 5 });
  const deadline = Date.now() + milliseconds;
  try {
    for (;;) {
      try {
        await client.getText('/readyz', { signal });
        return;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const hopeless = error instanceof ConnectionError && !error.transient;
        if (hopeless || Date.now() > deadline) {
          throw new Failure(
            `the API server of ${cluster.namespace}/${cluster.name} does not answer at ${server} (${(error as Error).message}): see nestling describe ${cluster.name} -n ${cluster.namespace}`,
            { cause: error },
          );
        }
      }
      // Most answer at the first attempt, of which nobody wants to hear.
      progress.waiting(`waiting for the API server of ${cluster.name} to answer at ${server}`);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await client.close();
  }
}

async function forwardInBackground(target: Target): Promise<Way> {
  const { context, host, cluster, localPort } = target;
  const { name, namespace } = cluster;
  const parent = host.context.name;
  const key = { files: host.kubeconfig.files, context: contextName(name, namespace, parent) };
  const running = runningForward(key);
  // The one of an earlier connection is as good where it answers, and stays whatever becomes of this one.
  if (running !== undefined && (localPort === 0 || localPort === running.port)) {
    const server = `https://127.0.0.1:${running.port}`;
    try {
      await untilAnswers(target, server, ANSWER_MS);
      return { server, pid: running.pid, close: () => Promise.resolve() };
    } catch (error) {
      if (context.signal.aborted) throw error;
      context.progress.note(
        `process ${running.pid}, which forwarded ${server}, does not answer: another one takes its place`,
      );
    }
  }
  stopForward(key);
  context.progress.waiting(`forwarding a port to ${name}`);
  const forward = await startForward(key, { name, namespace, parent }, localPort, context.signal);
  return {
    server: `https://127.0.0.1:${forward.port}`,
    pid: forward.pid,
    close: () => {
      stopForward(key);
      return Promise.resolve();
    },
  };
}

/** Runs a command with a kubeconfig of its own. @returns its exit code */
async function runInside(target: Target, direct: string | undefined, command: readonly string[]): Promise<number> {
  const { context, host, cluster, credentials, timeoutSeconds } = target;
  const { name, namespace } = cluster;
  const failed = (error: unknown): void => void context.stderr.write(`${(error as Error).message}\n`);
  const access = new HostAccess(host);
  const forward =
    direct === undefined
      ? await forwardPort(target.localPort, apiServerRoute(access, name, namespace), failed)
      : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'nestling-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  // A second signal ends the program at once, `finally` or not.
  process.once('exit', removeFolder);
  try {
    const server = direct ?? `https://127.0.0.1:${forward?.port}`;
    await untilAnswers(target, server, timeoutSeconds * 1000);
    context.progress.clear();
    const file = join(folder, 'kubeconfig');
    const text = await kubeconfigText(contextName(name, namespace, host.context.name), { ...credentials, server });
    writeFileSync(file, text, { mode: 0o600 });
    const env = { ...process.env, KUBECONFIG: file };
    const work = (): Promise<number> => runCommand(command, env, context.signal);
    // A terminal tells the command of Ctrl-C itself, which may be a shell that goes on after it.
    return await (process.stdin.isTTY === true ? context.handOver(work) : work());
  } finally {
    context.progress.clear();
    removeFolder();
    process.off('exit', removeFolder);
    await forward?.close();
    await access.close();
  }
}

function runCommand(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    const abort = (): void => void child.kill('SIGTERM');
    // Without its kubeconfig it can do no more good; what was asked to end already is not asked again.
    const end = (): void => void child.kill(signal.aborted ? 'SIGKILL' : 'SIGTERM');
    signal.addEventListener('abort', abort, { once: true });
    process.once('exit', end);
    if (signal.aborted) abort();
    child.once('error', (error: NodeJS.ErrnoException) => {
      process.off('exit', end);
      const reason =
        error.code === 'ENOENT' ? 'is not there: install it, or mend PATH' : `cannot be run (${error.message})`;
      reject(new Failure(`${program} ${reason}`, { exitCode: error.code === 'ENOENT' ? 127 : 126, cause: error }));
    });
    child.once('exit', (code, ended) => {
      process.off('exit', end);
      resolve(code ?? 128 + (constants.signals[ended ?? 'SIGTERM'] ?? 15));
    });
  });
}
