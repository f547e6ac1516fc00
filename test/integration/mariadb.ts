import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { installDebian } from './debian-package';
import { freePorts } from './free-ports';

const PASSWORD = 'not-a-secret';
/** `nobody` and `nogroup` of Debian: MariaDB refuses to run as root. */
const NOBODY = { uid: 65534, gid: 65534 };
const PROGRAMS = ['mariadb-install-db', 'mariadbd', 'my_print_defaults'];

/** A MariaDB server of its own for a test. */
export interface MariaDB {
  /** Address of its database, with user and password, as kine takes it. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts a server on a free port; where none is installed, Debian's programs are, without the service that would start by itself. */
export async function startMariaDB(): Promise<MariaDB> {
  if (PROGRAMS.some((program) => findProgram(program) === undefined)) {
    installDebian('MariaDB', ['mariadb-server-core', 'mariadb-client-core']);
  }
  const [installer, program] = PROGRAMS.map((name) => findProgram(name) ?? name) as [string, string];
  const directory = mkdtempSync(join(tmpdir(), 'nestling-mariadb-'));
  const asRoot = process.getuid?.() === 0;
  const identity = asRoot ? NOBODY : {};
  const own = (path: string): void => {
    if (asRoot) chownSync(path, NOBODY.uid, NOBODY.gid);
  };
  own(directory);
  chmodSync(directory, 0o700);
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', HOME: directory };
  const [data, script] = [join(directory, 'data'), join(directory, 'init.sql')];
  writeFileSync(
    script,
    [
      'CREATE DATABASE kine;',
      `CREATE USER kine@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';`,
      `GRANT ALL ON kine.* TO kine@'127.0.0.1';`,
    ].join('\n'),
    { mode: 0o600 },
  );
  own(script);
  const log = openSync(join(directory, 'log'), 'a');
  const options = { ...identity, env: environment, cwd: directory };
  let server: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      // Nothing of it is kept.
      server.kill('SIGKILL');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const common = ['--no-defaults', `--datadir=${data}`];
    execFileSync(installer, [...common, '--skip-test-db'], { ...options, stdio: ['ignore', log, log] });
    const [port = 0] = await freePorts(1);
    const settings = [
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--init-file=${script}`,
      '--innodb-flush-log-at-trx-commit=0',
    ];
    server = spawn(program, [...common, ...settings], { ...options, stdio: ['ignore', log, log] });
    const running = server;
    await eventually(
      'MariaDB answers',
      async () => {
        const text = readFileSync(join(directory, 'log'), 'utf8');
        if (running.exitCode !== null) throw new Error(`MariaDB ended: ${text.slice(-1000)}`);
        return text.includes('ready for connections');
      },
      60,
    );
    return { endpoint: `mysql://kine:${PASSWORD}@tcp(127.0.0.1:${port})/kine`, stop: end };
  } catch (error) {
    await end();
    throw error;
  } finally {
    closeSync(log);
  }
}
