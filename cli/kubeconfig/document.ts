/**
 * The part of a kubeconfig that is read here, by the names of its fields.
 * See https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
export interface KubeconfigDocument {
  readonly 'current-context'?: string;
  readonly clusters?: unknown;
  readonly users?: unknown;
  readonly contexts?: unknown;
}

/** How a cluster is reached. */
export interface ClusterEntry {
  readonly server?: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'proxy-url'?: string;
}

/** A variable for a credential plugin. */
export interface ExecVariable {
  readonly name: string;
  readonly value: string;
}

/** A program that prints credentials. */
export interface ExecEntry {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly ExecVariable[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: 'Never' | 'IfAvailable' | 'Always';
}

/** Who somebody is to a cluster. */
export interface UserEntry {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly 'auth-provider'?: { readonly name?: string };
  readonly exec?: ExecEntry | null;
}

/** A cluster, a user and a namespace under one name. */
export interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
  readonly extensions?: readonly { readonly name?: string; readonly extension?: unknown }[] | null;
}
