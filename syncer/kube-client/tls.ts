import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { ClusterConnection } from './connection';

/** What node:tls and node:https need to reach an API server. */
export function tlsOptions(
  connection: ClusterConnection,
  url: URL,
): ConnectionOptions & { host: string; port: number } {
  // URL keeps the brackets of an IPv6 address.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const servername = connection.serverName ?? (isIP(host) === 0 ? host : undefined);
  return {
    host,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    ...(servername === undefined ? {} : { servername }),
    ...(connection.certificateAuthority === undefined ? {} : { ca: connection.certificateAuthority }),
    ...(connection.clientCertificate === undefined ? {} : { cert: connection.clientCertificate }),
    ...(connection.clientKey === undefined ? {} : { key: connection.clientKey }),
  };
}
