import { readFileSync } from 'node:fs';

/** How to reach one API server and as whom. PEM texts, not file names, except the token that the kubelet renews. */
export interface ClusterConnection {
  /** `https://HOST:PORT`, without path. */
  readonly server: string;
  /** PEM of the authorities that may have signed the server's certificate. @default the system's */
  readonly certificateAuthority?: string;
  /** PEM of the client certificate (with `clientKey`). */
  readonly clientCertificate?: string;
  /** PEM of the client's private key. */
  readonly clientKey?: string;
  /** File with a bearer token, read again each minute and after a 401: the kubelet renews it in place. */
  readonly tokenFile?: string;
  /** Bearer token; `tokenFile` wins. */
  readonly token?: string;
  /** Name to expect in the server's certificate. @default the host of `server` */
  readonly serverName?: string;
}

/** Where the kubelet mounts a pod's credentials. */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The API server of the cluster that this process runs in, as the pod's ServiceAccount.
 * @throws Error naming the variable or file that is missing
 */
export function inClusterConnection(
  environment: NodeJS.ProcessEnv = process.env,
  directory = serviceAccountDirectory,
): ClusterConnection {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '') {
    throw new Error(
      'KUBERNETES_SERVICE_HOST is not set: this process does not run in a pod; give a kubeconfig instead',
    );
  }
  let certificateAuthority: string;
  try {
    certificateAuthority = readFileSync(`${directory}/ca.crt`, 'utf8');
  } catch (error) {
    throw new Error(`${directory}/ca.crt cannot be read: mount the pod's service account token and CA there`, {
      cause: error,
    });
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    certificateAuthority,
    tokenFile: `${directory}/token`,
  };
}
