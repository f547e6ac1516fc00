import { createLogger } from './engine';
import { podEnvironment } from './environment';
import { inClusterConnection, KubeClient } from './kube-client';
import { pause, resume } from './sleep';

/** What a sleep schedule's job runs on the host: one step for one virtual cluster of the job's own namespace. */
export async function runSleepCommand(command: 'pause' | 'resume', name: string): Promise<void> {
  const logger = createLogger({ level: 'info', name: command });
  const host = new KubeClient(inClusterConnection(), { userAgent: 'nestling-sleep' });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const identity = { name, hostNamespace: podEnvironment('POD_NAMESPACE') };
  try {
    const step = command === 'pause' ? pause : resume;
    await step(host, identity, { log: (text) => logger.info(text), signal: stop.signal });
    logger.info({ milliseconds: Math.round(process.uptime() * 1000) }, `${command} is done`);
  } finally {
    await host.close();
  }
}
