import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, createWriteStream, mkdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { goPlatform } from './binaries';
import { run } from './command';
import { HostClusterError, InterruptedError } from './failure';
import type { Log } from './progress';
import { repeatWhileBusy } from './progress';
import type { BinarySource } from './versions';

/** How long a release host may take to answer before it counts as out of reach. */
const ANSWER_MILLISECONDS = 4000;

/** A release host does not answer, or does not have the file: a build from source may still do. */
export class UnreachableError extends Error {}

/** Whether releases may be downloaded: the variable NESTLING_DOWNLOAD set to `off` forbids it. */
export function releasesAllowed(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment['NESTLING_DOWNLOAD'] !== 'off';
}

/**
 * Finds the SHA-256 of a file in the text of a checksum file.
 *
 * @param text either the bare hash or lines `HASH  NAME`
 * @param fileName last part of the file's path
 */
export function checksumIn(text: string, fileName: string): string | undefined {
  for (const line of text.split('\n')) {
    const [hash, name] = line.trim().split(/\s+\*?/);
    if (hash !== undefined && /^[0-9a-f]{64}$/.test(hash) && (name === undefined || name === fileName)) return hash;
  }
  return undefined;
}

async function fetchFrom(url: string, signal: AbortSignal | undefined): Promise<Response> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), ANSWER_MILLISECONDS);
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal });
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError();
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const reason = giveUp.signal.aborted
      ? `no answer in ${ANSWER_MILLISECONDS / 1000} s`
      : (cause?.code ?? 'no connection');
    throw new UnreachableError(`${new URL(url).host} is out of reach (${reason}): building from source instead`);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw new UnreachableError(`${url} answers ${response.status}: building from source instead`);
  return response;
}

/**
 * Downloads a program from its release and puts it in place once its checksum was verified.
 *
 * @throws UnreachableError when the host or the file is not there, HostClusterError when the checksum differs
 */
export async function download(
  name: string,
  release: NonNullable<BinarySource['release']>,
  target: string,
  log: Log,
  signal?: AbortSignal,
): Promise<void> {
  const { os, architecture } = goPlatform();
  const path = release.path(os, architecture);
  const url = `https://${release.host}${path}`;
  const checksums = await fetchFrom(`https://${release.host}${release.checksumPath(os, architecture)}`, signal);
  const wanted = checksumIn(await checksums.text(), path.slice(path.lastIndexOf('/') + 1));
  if (!wanted) throw new UnreachableError(`${url} has no published checksum: building from source instead`);
  log(`downloading ${url}`);
  mkdirSync(dirname(target), { recursive: true });
  const temporary = await mkdtemp(join(dirname(target), '.download-'));
  const stop = repeatWhileBusy(log, 10, (seconds) => `still downloading ${name} (${seconds} s)`);
  try {
    const file = join(temporary, 'file');
    const { body } = await fetchFrom(url, signal);
    if (!body) throw new UnreachableError(`${url} has no content: building from source instead`);
    await pipeline(
      Readable.fromWeb(body as ReadableStream<Uint8Array>),
      createWriteStream(file),
      signal ? { signal } : {},
    );
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    const actual = hash.digest('hex');
    if (actual !== wanted) {
      throw new HostClusterError(
        `${url} has SHA-256 ${actual} and its publisher says ${wanted}`,
        'look for a proxy that changes downloads, or set NESTLING_DOWNLOAD=off to build from source',
      );
    }
    let program = file;
    const member = release.member?.(os, architecture);
    if (member !== undefined) {
      await run('tar', ['-xzf', file, '-C', temporary, member], { signal });
      program = join(temporary, member);
    }
    chmodSync(program, 0o755);
    renameSync(program, target);
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError();
    throw error;
  } finally {
    stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}
