import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { installDebian } from './debian-package';
import { freePorts } from './free-ports';

const DEBIAN = '/usr/lib/postgresql';
const PASSWORD = 'not-a-secret';
/** `nobody` and `nogroup` of Debian: PostgreSQL refuses to run as root. */
const NOBODY = { uid: 65534, gid: 65534 };

/** A PostgreSQL server of its own for a test. */
export interface Postgres {
  /** Address of its database, with user and password. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * Starts a server on a free port; where none is installed, Debian's package is.
 *
 * @param address of this machine, where it listens. @default loopback
 */
export async function startPostgres(address = '127.0.0.1'): Promise<Postgres> {
  const programs = programFolder() ?? install();
  const directory = mkdtempSync(join(tmpdir(), 'nestling-postgres-'));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(directory, NOBODY.uid, NOBODY.gid);
  chmodSync(directory, 0o700);
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (asRoot) chownSync(passwordFile, NOBODY.uid, NOBODY.gid);
  const identity = asRoot ? NOBODY : {};
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', HOME: directory };
  const data = join(directory, 'data');
  const log = openSync(join(directory, 'log'), 'a');
  let server: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      // An immediate shutdown: nothing of it is kept.
      server.kill('SIGQUIT');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    execFileSync(
      join(programs, 'initdb'),
      ['-D', data, '-U', 'kine', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--no-sync'],
      { ...identity, env: environment, cwd: directory, stdio: ['ignore', log, log] },
    );
    // Others than loopback are let in by nobody else.
    appendFileSync(join(data, 'pg_hba.conf'), 'host all kine all scram-sha-256\n');
    const [port = 0] = await freePorts(1);
    const settings = [
      `port=${port}`,
      `listen_addresses=${address}`,
      `unix_socket_directories=${directory}`,
      'fsync=off',
    ];
    server = spawn(join(programs, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...identity,
      env: environment,
      cwd: directory,
      stdio: ['ignore', log, log],
    });
    const running = server;
    await eventually('PostgreSQL answers', async () => {
      const text = readFileSync(join(directory, 'log'), 'utf8');
      if (running.exitCode !== null) throw new Error(`PostgreSQL ended: ${text.slice(-1000)}`);
      return text.includes('ready to accept connections');
    });
    return {
      endpoint: `postgres://kine:${PASSWORD}@${address}:${port}/postgres?sslmode=disable`,
      stop: end,
    };
  } catch (error) {
    await end();
    throw error;
  } finally {
    closeSync(log);
  }
}

/** Folder with `initdb` and `postgres`: Debian has the newest of its versions beside others, not on the PATH. */
function programFolder(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folder = versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  const elsewhere = findProgram('initdb');
  return folder ?? (elsewhere === undefined ? undefined : join(elsewhere, '..'));
}

function install(): string {
  installDebian('PostgreSQL', ['postgresql']);
  const folder = programFolder();
  if (folder === undefined) throw new Error(`apt-get installed PostgreSQL, and ${DEBIAN} has no initdb`);
  return folder;
}
