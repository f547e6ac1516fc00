import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { ClusterConnection } from '../../syncer/kube-client';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plain = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** The text of a kubeconfig with one context that holds all it needs. */
export function kubeconfigText(name: string, connection: ClusterConnection): string {
  const { server, certificateAuthority, clientCertificate, clientKey, token } = connection;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server,
          ...(certificateAuthority && { 'certificate-authority-data': base64(certificateAuthority) }),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(clientCertificate && { 'client-certificate-data': base64(clientCertificate) }),
          ...(clientKey && { 'client-key-data': base64(clientKey) }),
          ...(token && { token }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

/** Writes a kubeconfig that only its owner may read. */
export function writeKubeconfig(file: string, name: string, connection: ClusterConnection): void {
  writeFileSync(file, kubeconfigText(name, connection), { mode: 0o600 });
}

/** Reads back a kubeconfig that `writeKubeconfig` wrote. */
export function readOwnKubeconfig(file: string): ClusterConnection {
  const document = parse(readFileSync(file, 'utf8')) as {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: Record<string, string> }];
  };
  const { cluster } = document.clusters[0];
  const { user } = document.users[0];
  const decoded = (value: string | undefined): string => plain(value ?? '');
  return {
    server: cluster['server'] ?? '',
    certificateAuthority: decoded(cluster['certificate-authority-data']),
    clientCertificate: decoded(user['client-certificate-data']),
    clientKey: decoded(user['client-key-data']),
  };
}
