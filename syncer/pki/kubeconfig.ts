import type { KeyPair } from './certificate';

/** What a kubeconfig with one context says. */
export interface KubeconfigContent {
  /** Name of the cluster and of the context. */
  readonly name: string;
  /** `https://HOST:PORT` */
  readonly server: string;
  /** PEM of the authority of the server's certificate. */
  readonly certificateAuthority: string;
  /** Name of the user entry. */
  readonly user: string;
  /** Certificate and key of the user: themselves, or where they are, relative to the kubeconfig's folder. */
  readonly client: KeyPair | CredentialFiles;
}

/** Files from which a client reads its certificate and key, again and again: so they can be renewed under it. */
export interface CredentialFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A kubeconfig with the certificates inside, or the names of the files that hold those of the user, as YAML text; equal content gives equal bytes. */
export function formatKubeconfig({ name, server, certificateAuthority, user, client }: KubeconfigContent): string {
  // Written without a YAML library, which the syncer needs for nothing else: a JSON string is a YAML string too.
  const text = JSON.stringify;
  return `apiVersion: v1
kind: Config
clusters:
  - name: ${text(name)}
    cluster:
      server: ${text(server)}
      certificate-authority-data: ${base64(certificateAuthority)}
users:
  - name: ${text(user)}
    user:
${credentials(client)}
contexts:
  - name: ${text(name)}
    context:
      cluster: ${text(name)}
      user: ${text(user)}
current-context: ${text(name)}
preferences: {}
`;
}

function credentials(client: KeyPair | CredentialFiles): string {
  const [certificate, key] =
    'certificate' in client
      ? [`-data: ${base64(client.certificate)}`, `-data: ${base64(client.key)}`]
      : [`: ${JSON.stringify(client.certificateFile)}`, `: ${JSON.stringify(client.keyFile)}`];
  return `      client-certificate${certificate}\n      client-key${key}`;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
