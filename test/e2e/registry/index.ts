import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildImages } from '../../../images';
import type { Host } from '../../host-cluster';
import { resolveBinaries } from '../../host-cluster';
import { eventually } from '../../virtual-cluster';
import { insideNode } from '../node-server';

const REPOSITORY = 'bank/vault';
const USER = { username: 'bank', password: 'of the bank alone' } as const;

/** A registry on the loopback of a node, where container runtimes take one without TLS. */
export interface NodeRegistry {
  /** Its one image, which has a shell. */
  readonly image: string;
  /** A Secret's `.dockerconfigjson` of those who may pull it. */
  readonly credentials: string;
  /** How many requests it has answered with a status. */
  answered(status: number): number;
  stop(): Promise<void>;
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Makes an image of a layout another one than all that run what it runs: a kubelet knows images by their configuration, and once somebody's
 * credentials brought one it lets nobody have it without.
 */
function ofItsOwn(layout: string): void {
  const fileOf = (digest: string): string => join(layout, 'blobs', ...digest.split(':'));
  const read = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
  const store = (blob: Blob, value: object): Blob => {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    writeFileSync(fileOf(digest), bytes);
    return { ...blob, digest, size: bytes.length };
  };
  const index = read<{ manifests: Blob[] }>(join(layout, 'index.json'));
  const manifests = index.manifests.map((one) => {
    const manifest = read<{ config: Blob }>(fileOf(one.digest));
    const configuration = read<{ config: object }>(fileOf(manifest.config.digest));
    const own = { ...configuration, config: { ...configuration.config, Labels: { 'org.example.owner': 'bank' } } };
    return store(one, { ...manifest, config: store(manifest.config, own) });
  });
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ ...index, manifests }));
}

/** Starts a registry on a node of the test bed, which gives its one image to those who have a password. */
export async function startRegistry(host: Host, port: number): Promise<NodeRegistry> {
  const layout = mkdtempSync(join(tmpdir(), 'nestling-registry-'));
  const binaries = async (name: Parameters<typeof resolveBinaries>[0][number]): Promise<string> =>
    (await resolveBinaries([name], () => undefined))[name];
  const [busybox] = await buildImages({ binaries, names: ['busybox'], log: () => undefined });
  if (!busybox) throw new Error('there is no image of busybox');
  await promisify(execFile)('tar', ['-xf', busybox.archive, '-C', layout]);
  ofItsOwn(layout);
  const { username, password } = USER;
  const server = spawn(
    'nsenter',
    [
      ...[...insideNode(host), process.execPath, '--import', 'tsx', join(__dirname, 'server.ts')],
      ...[`--layout=${layout}`, `--repository=${REPOSITORY}`, `--user=${username}:${password}`, `--port=${port}`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  server.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new AbortController();
  for (const event of ['exit', 'error']) server.once(event, () => ended.abort());
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    if (!ended.signal.aborted) await new Promise((resolve) => ended.signal.addEventListener('abort', resolve));
    rmSync(layout, { recursive: true, force: true });
  };
  try {
    await eventually('the registry listens', () => {
      ended.signal.throwIfAborted();
      return Promise.resolve(said.includes('listening'));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const registry = `127.0.0.1:${port}`;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    image: `${registry}/${REPOSITORY}:1`,
    credentials: JSON.stringify({ auths: { [registry]: { ...USER, auth } } }),
    answered: (status) => said.split('\n').filter((line) => line.startsWith(`${status} `)).length,
    stop,
  };
}
