import { spawn } from 'node:child_process';
import { resolveBinaries } from '../host-cluster';
import type { Tenant } from './tenant';

/** What came of a forwarded port: the page behind it, or why kubectl forwards none. */
export type Forwarded = { readonly page: string } | { readonly refusal: string };

/** Forwards a port of a pod by kubectl, and asks for the page behind it. */
export async function forwardedPage(tenant: Tenant, pod: string, port: number): Promise<Forwarded> {
  const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
  const where = ['--kubeconfig', tenant.cluster.kubeconfigPath, '-n', tenant.namespace];
  const child = spawn(kubectl, [...where, 'port-forward', `pod/${pod}`, `:${port}`]);
  let said = '';
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  try {
    const local = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve(undefined));
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const [, number] = /127\.0\.0\.1:(\d+) ->/.exec(said) ?? [];
        if (number !== undefined) resolve(Number(number));
      });
    });
    if (local === undefined) return { refusal: complaint.trim() };
    return { page: await (await fetch(`http://127.0.0.1:${local}/`)).text() };
  } finally {
    child.kill();
  }
}
