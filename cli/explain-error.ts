import { ApiError, ConnectionError } from '../syncer/kube-client';
import { EXIT, Failure } from './failure';
import type { HostCluster } from './host';

/** What the API server says of a request that its user may not make. */
const FORBIDDEN =
  /User "([^"]*)" cannot (\w+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)"| at the cluster scope)?/;

/** Turns whatever was thrown into words for a person. @param host the host cluster, where one was opened */
export function explainError(error: unknown, host?: Pick<HostCluster, 'server' | 'context'>): Failure {
  if (error instanceof Failure) return error;
  const where = host === undefined ? 'the host cluster' : `host cluster ${host.server} (context ${host.context.name})`;
  if (error instanceof ApiError) return new Failure(apiMessage(error, where), { cause: error });
  if (error instanceof ConnectionError) {
    const reason = error.code === 'UNKNOWN' ? error.message : error.code;
    const remedy = error.transient
      ? 'start it, mend the kubeconfig, or choose another context with --context'
      : 'its certificate is not trusted: mend certificate-authority-data or tls-server-name in the kubeconfig';
    return new Failure(`${where} does not answer (${reason}): ${remedy}`, { cause: error });
  }
  if (error instanceof Error) return new Failure(error.message, { exitCode: EXIT.failed, cause: error });
  return new Failure(String(error));
}

function apiMessage(error: ApiError, where: string): string {
  if (error.status === 401) {
    return `${where} does not know you (401 Unauthorized): log in again, or choose another context with --context`;
  }
  const forbidden = error.status === 403 ? FORBIDDEN.exec(error.serverMessage) : null;
  if (forbidden !== null) {
    const [, user, verb, resource, group, namespace] = forbidden;
    const what = group ? `${resource}.${group}` : resource;
    const place = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
    return `${user} may not ${verb} ${what} ${place} of ${where}: have somebody give you that right (verb ${verb} on ${what})`;
  }
  return `${where} refused: ${error.serverMessage}`;
}
