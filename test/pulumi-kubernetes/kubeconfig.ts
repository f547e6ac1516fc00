import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ClusterConnection } from '../../syncer/kube-client';

interface Kubeconfig {
  readonly clusters?: readonly { readonly name: string; readonly cluster: Record<string, string> }[];
  readonly users?: readonly { readonly name: string; readonly user: Record<string, string> }[];
  readonly contexts?: readonly { readonly name: string; readonly context: { cluster: string; user: string } }[];
  readonly 'current-context'?: string;
}

/** A kubeconfig as the provider takes it: a text, or the name of a file; where none is given, the user's own. */
export function kubeconfigText(given: string | undefined): string {
  const text =
    given !== undefined && given !== '' ? given : (process.env['KUBECONFIG'] ?? join(homedir(), '.kube/config'));
  return !text.includes('\n') && existsSync(text) ? readFileSync(text, 'utf8') : text;
}

/** How a kubeconfig's current context reaches its API server. */
export function connectionOf(text: string): ClusterConnection {
  const { clusters = [], users = [], contexts = [], 'current-context': current } = parse(text) as Kubeconfig;
  const context = contexts.find(({ name }) => name === current)?.context ?? contexts[0]?.context;
  const cluster = clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const user = users.find(({ name }) => name === context?.user)?.user ?? {};
  if (cluster?.['server'] === undefined) throw new Error('the kubeconfig names no API server');
  const certificateAuthority = decoded(cluster['certificate-authority-data']);
  const clientCertificate = decoded(user['client-certificate-data']);
  const clientKey = decoded(user['client-key-data']);
  return {
    server: cluster['server'],
    ...(certificateAuthority !== undefined && { certificateAuthority }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
    ...(user['token'] !== undefined && { token: user['token'] }),
  };
}

function decoded(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}
