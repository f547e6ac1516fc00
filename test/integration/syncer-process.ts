import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ChildOptions } from './syncer-child';

/** The kinds of the syncer in a process of their own, which a test can kill as a crash would. */
export interface SyncerProcess {
  /** Ends it with SIGKILL: nothing of it is done to its end. */
  kill(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param untilSynced whether to wait for its caches, or only for the process. @default true
 */
export async function startSyncerProcess(options: ChildOptions, untilSynced = true): Promise<SyncerProcess> {
  const script = join(__dirname, 'syncer-child.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const killed = { yes: false };
  ended.then(
    ([code, signal]) => {
      if (!killed.yes) process.stderr.write(`the syncer's process ended by itself: ${String(code ?? signal)}\n`);
    },
    () => undefined,
  );
  if (untilSynced) {
    await Promise.race([
      once(child.stdout, 'data'),
      ended.then(() => {
        throw new Error("the syncer's process ended before it was synced; its output is above");
      }),
    ]);
  }
  return {
    async kill() {
      killed.yes = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}
