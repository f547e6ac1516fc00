import { spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { Failure } from '../failure';
import type { ExecEntry } from './document';

/** What a credential plugin gave. */
export interface ExecCredential {
  readonly token?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  /** Milliseconds since the epoch; undefined: as long as the program runs. */
  readonly expires: number | undefined;
}

/** For whom a plugin is asked. */
export interface ExecRequest {
  readonly context: string;
  /** Folder of the kubeconfig: a command that is a path starts there. */
  readonly folder: string;
  readonly cluster: { readonly server: string; readonly certificateAuthority: string | undefined };
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/**
 * Runs a credential plugin and reads what it prints.
 * See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 *
 * @throws Failure naming the command, and its hint for the installation where it is not there
 */
export async function execCredential(entry: ExecEntry, request: ExecRequest): Promise<ExecCredential> {
  const { context, folder, cluster } = request;
  const { apiVersion = '', command = '', args, env, installHint, provideClusterInfo } = entry;
  const what = `context ${context}: credential plugin ${command}`;
  if (command === '')
    throw new Failure(`context ${context}: its credential plugin has no command: mend the kubeconfig`);
  if (!API_VERSIONS.includes(apiVersion)) {
    throw new Failure(
      `${what}: apiVersion ${JSON.stringify(apiVersion)} is not supported: write ${API_VERSIONS.join(' or ')}`,
    );
  }
  const interactive = entry.interactiveMode !== 'Never' && process.stdin.isTTY === true;
  if (entry.interactiveMode === 'Always' && !interactive) {
    throw new Failure(`${what} needs a terminal (interactiveMode: Always), and there is none: run this in a terminal`);
  }
  const { server, certificateAuthority } = cluster;
  const info = {
    server,
    ...(certificateAuthority !== undefined && {
      'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64'),
    }),
  };
  const spec = { interactive, ...(provideClusterInfo === true && { cluster: info }) };
  // Only a path is relative to the file; a bare name is looked up in PATH.
  const program = /[/\\]/.test(command) && !isAbsolute(command) ? join(folder, command) : command;
  const variables = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  const execInfo = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  const text = await new Promise<string>((resolve, reject) => {
    const child = spawn(program, [...(args ?? [])], {
      env: { ...process.env, ...variables, KUBERNETES_EXEC_INFO: execInfo },
      // One that asks something does so on the user's own terminal.
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', interactive ? 'inherit' : 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.once('error', (error: NodeJS.ErrnoException) => {
      const hint = installHint ? `: ${installHint.trim()}` : ': install it, or choose another context with --context';
      const problem = error.code === 'ENOENT' ? `is not there${hint}` : `cannot be run (${error.message}): mend it`;
      reject(new Failure(`${what} ${problem}`, { cause: error }));
    });
    child.once('close', (code) => {
      if (code === 0) return resolve(stdout);
      const lines = stderr.trim().split('\n').slice(-3).join('; ');
      reject(new Failure(`${what} failed (${lines || `code ${code}`}): run it by itself to see more`));
    });
  });
  return readCredential(text, what);
}

function readCredential(text: string, what: string): ExecCredential {
  let status: Record<string, unknown> | undefined;
  try {
    status = (JSON.parse(text) as { status?: Record<string, unknown> }).status;
  } catch (error) {
    throw new Failure(`${what} printed no JSON: run it by itself to see what it prints`, { cause: error });
  }
  const field = (name: string): string | undefined => {
    const value = status?.[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [token, clientCertificate, clientKey] = [
    field('token'),
    field('clientCertificateData'),
    field('clientKeyData'),
  ];
  if (token === undefined && (clientCertificate === undefined || clientKey === undefined)) {
    throw new Failure(
      `${what} printed neither a token nor a client certificate with its key: log in with it once more`,
    );
  }
  const expires = Date.parse(field('expirationTimestamp') ?? '');
  return {
    ...(token !== undefined && { token }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
    expires: Number.isNaN(expires) ? undefined : expires,
  };
}
