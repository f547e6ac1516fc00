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
  readonly client: KeyPair;
}

/** A kubeconfig with all certificates inside, as YAML text; equal content gives equal bytes. */
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
      client-certificate-data: ${base64(client.certificate)}
      client-key-data: ${base64(client.key)}
contexts:
  - name: ${text(name)}
    context:
      cluster: ${text(name)}
      user: ${text(user)}
current-context: ${text(name)}
preferences: {}
`;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
