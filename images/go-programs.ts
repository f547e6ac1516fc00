import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOnce } from './cache';
import { CommandError, run } from './command';

/** Programs of images that are built here: they are too small to be published anywhere alone. */
export type GoProgram = 'pause' | 'pod-hosts' | 'go-runner';

/**
 * Entry point of the public control-plane images: `kube-log-runner` of Kubernetes, under its older name. Published in
 * the component-base module with the version of Kubernetes (v1.X.Y is v0.X.Y there).
 */
const GO_RUNNER_PACKAGE = 'k8s.io/component-base/logs/kube-log-runner';

/** What {@link buildGoProgram} needs to know. */
export interface GoOptions {
  /** Cache folder; programs go below `programs/` there. */
  readonly cache: string;
  /** Version of Kubernetes, such as `v1.37.2`, whose go-runner is built. */
  readonly kubernetesVersion: string;
  readonly log: (text: string) => void;
}

/**
 * A static Linux program for this machine's architecture, built once per content and version with the Go toolchain.
 *
 * @returns the program's path.
 * @throws Error with the remedy where Go is missing.
 */
export async function buildGoProgram(name: GoProgram, options: GoOptions): Promise<string> {
  return name === 'go-runner' ? buildGoRunner(options) : buildOwn(name, options);
}

/** A program of one file in this folder. */
async function buildOwn(name: 'pause' | 'pod-hosts', { cache, log }: GoOptions): Promise<string> {
  const source = join(__dirname, name, `${name}.go`);
  const key = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 16);
  return makeOnce(join(cache, 'programs', `${name}-${process.arch}-${key}`), async (partial) => {
    log(`building ${name}`);
    await go(['build', ...FLAGS, '-o', partial, source]);
  });
}

async function buildGoRunner({ cache, kubernetesVersion, log }: GoOptions): Promise<string> {
  const moduleVersion = kubernetesVersion.replace(/^v1\./, 'v0.');
  const folder = join(cache, 'programs', `go-runner-${process.arch}-${kubernetesVersion}`);
  await makeOnce(folder, async (partial) => {
    log(`building go-runner ${kubernetesVersion}`);
    await go(['install', ...FLAGS, `${GO_RUNNER_PACKAGE}@${moduleVersion}`], { GOBIN: partial });
  });
  return join(folder, 'kube-log-runner');
}

const FLAGS = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid='];

async function go(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0', GOOS: 'linux', GOFLAGS: '', GOWORK: 'off', ...environment };
  try {
    await run('go', args, { env, cwd: __dirname });
  } catch (error) {
    if (!(error instanceof CommandError && error.missing)) throw error;
    throw new Error(
      'Go is missing: programs of the images are built with it (pause, pod-hosts, go-runner); install Go 1.26 or newer',
      {
        cause: error,
      },
    );
  }
}
