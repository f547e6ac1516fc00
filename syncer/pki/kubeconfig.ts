import { stringify } from 'yaml';
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
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(certificateAuthority) } }],
      users: [
        {
          name: user,
          user: {
            'client-certificate-data': base64(client.certificate),
            'client-key-data': base64(client.key),
          },
        },
      ],
      contexts: [{ name, context: { cluster: name, user } }],
      'current-context': name,
      preferences: {},
    },
    { lineWidth: 0 },
  );
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
