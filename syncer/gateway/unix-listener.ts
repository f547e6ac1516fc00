import type { Server } from 'node:net';
import { chmod, lstat, rename, rm } from 'node:fs/promises';

/** Longest path of a unix socket on Linux, in bytes, without its closing zero. */
const LONGEST_PATH = 107;

/**
 * Makes `server` listen on a unix socket with mode 0660. The socket is made beside its place and renamed into it: one left
 * by a killed process is replaced, callers never find the path missing or with a wider mode, and a process that is still
 * going cannot take away its successor's.
 *
 * @returns removes the socket, if it is still this one; to be called after closing the server
 * @throws Error naming the path when it is too long, is taken by something that is not a socket, or cannot be written
 */
export async function listenOnSocket(server: Server, path: string): Promise<() => Promise<void>> {
  const beside = `${path}~`;
  if (Buffer.byteLength(beside) > LONGEST_PATH) {
    throw new Error(
      `the socket path ${path} is too long: it may have ${LONGEST_PATH - 1} bytes; choose a shorter folder`,
    );
  }
  const present = await lstat(path).catch(() => undefined);
  if (present && !present.isSocket()) {
    throw new Error(`${path} exists and is not a socket: remove it, or choose another socket path`);
  }
  await rm(beside, { force: true });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(
        new Error(`cannot listen on ${path}: ${error.message}; its folder must exist and be writable`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen(beside, () => {
      server.off('error', failed);
      resolve();
    });
  });
  await chmod(beside, 0o660);
  const { ino } = await lstat(beside);
  await rename(beside, path);
  return async () => {
    const now = await lstat(path).catch(() => undefined);
    if (now?.ino === ino) await rm(path, { force: true });
  };
}
