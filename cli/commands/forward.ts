import { existsSync } from 'node:fs';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Command } from 'commander';
import { controlPlaneNames } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import { readState } from '../background-forward';
import type { Flags } from '../command';
import type { Context } from '../context';
import { explainError } from '../explain-error';
import { HostAccess } from '../host-access';
import { forwardPort } from '../port-forward';
import { apiServerRoute } from '../route';

/** Whether this process is still the one that is written down is looked at this often. */
const LOOK_MS = 5_000;

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .requiredOption('--local-port <port>', 'port of this machine; 0: any')
    .requiredOption('--state <file>', 'file in which this process is written down; it ends when that goes')
    .requiredOption('--id <id>', 'what it is known by there');
}

/** What `connect` starts and leaves running: it tells its port to its parent, and ends when nobody knows it any more. */
export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const { signal, stderr } = context;
  const name = String(given);
  let tell: (message: object) => void = (message) => void process.send?.(message);
  try {
    const host = await context.host();
    const { namespace } = host;
    const access = new HostAccess(host);
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener('abort', end, { once: true });
    const failed = (error: unknown): void => {
      stderr.write(`${new Date().toISOString()} ${explainError(error, host).message}\n`);
      // Of a cluster that is gone nobody will ask again.
      const set = { namespace, name: controlPlaneNames(name).statefulSet, metadataOnly: true };
      access
        .call((client) => client.get<StatefulSet>(resources.statefulSets, set))
        .catch((problem: unknown) => {
          if (ApiError.is(problem, 'NotFound')) end();
        });
    };
    const forward = await forwardPort(Number(flags['localPort']), apiServerRoute(access, name, namespace), failed);
    tell({ port: forward.port });
    tell = () => undefined;
    const state = String(flags['state']);
    let written = false;
    const look = setInterval(() => {
      // Its parent writes it down after it heard the port; where the parent died before that, nobody does.
      const known = existsSync(state) ? readState(state) : undefined;
      if (known?.id === flags['id']) written = true;
      else if (written || !process.connected) end();
    }, LOOK_MS);
    if (!stop.signal.aborted) await new Promise((done) => stop.signal.addEventListener('abort', done, { once: true }));
    clearInterval(look);
    await forward.close();
    await access.close();
  } catch (error) {
    tell({ error: explainError(error).message });
    throw error;
  }
}
