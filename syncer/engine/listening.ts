import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Has an HTTP server listen.
 *
 * @param at.port 0 for any free one
 * @param at.host @default all addresses
 * @param taken what an operator is told when the port is taken
 * @returns the port
 */
export function listenOn(
  server: Server,
  { port, host }: { readonly port: number; readonly host?: string | undefined },
  taken: string,
): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Error(taken, { cause: error }) : error);
    });
    server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port }));
  });
}

/** Stops a server and closes what is open. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
