import { Writable } from 'node:stream';
import { Exec, KubeConfig } from '@kubernetes/client-node';

/** What a command in a container did. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a container, as `kubectl exec` does, through the API server of a kubeconfig. */
export async function exec(
  kubeconfigPath: string,
  target: { namespace: string; pod: string; container?: string },
  command: readonly string[],
): Promise<ExecResult> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  const stdout = new Collector();
  const stderr = new Collector();
  return new Promise((resolve, reject) => {
    new Exec(config)
      .exec(
        target.namespace,
        target.pod,
        target.container ?? '',
        [...command],
        stdout,
        stderr,
        null,
        false,
        (status) => {
          const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
          const exitCode = status.status === 'Success' ? 0 : Number(cause?.message ?? Number.NaN);
          if (Number.isNaN(exitCode)) reject(new Error(`${command.join(' ')}: ${status.message}`));
          else resolve({ exitCode, stdout: stdout.text(), stderr: stderr.text() });
        },
      )
      .catch((error: unknown) => reject(error instanceof Error ? error : new Error(String(error))));
  });
}

class Collector extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
