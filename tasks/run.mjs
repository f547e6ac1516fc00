// Runs a TypeScript task of this repository from a bare checkout: `node tasks/run.mjs FILE [ARGS...]`.
// Needs nothing but Node.js >= 20 and npm. It installs the packages when the lock file changed, fetches Node.js 24
// when the running one is older, and goes on under that one. No dependencies on purpose: it runs before they exist.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const MINIMUM_NODE_MAJOR = 20;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
// As images/cache.ts has it, which cannot be imported before the packages are there.
const cache = resolve(
  process.env.NESTLING_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nestling'),
);
const started = Date.now();

const say = (text) => process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1)} s] ${text}\n`);

function fail(text) {
  process.stderr.write(`error: ${text}\n`);
  process.exit(1);
}

/** Runs npm; its output is shown only when it fails. */
function npm(args, what) {
  const result = spawnSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error) fail(`npm could not be started (${result.error.message}); install npm, it comes with Node.js`);
  if (result.status !== 0) fail(`${what} failed: npm ${args.join(' ')}\n${result.stdout}${result.stderr}`);
}

/** Installs what package-lock.json names, once per content of that file. */
function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package.json')))
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.nestling-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages (once; about half a minute)');
  // Not `npm ci`: it refuses a lock file in which a registry had no optional binary for a foreign platform.
  npm(['install', '--no-save', '--no-audit', '--no-fund'], 'installing packages');
  writeFileSync(stamp, wanted);
  say('npm packages are installed');
}

/** The Node.js binary to go on with: the running one when new enough, else one from the npm registry in the cache. */
function modernNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= Number(NODE_VERSION.split('.')[0])) return process.execPath;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const home = join(cache, `node-${NODE_VERSION}-${process.platform}-${process.arch}`);
  const binary = join(home, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    say(`fetching Node.js ${NODE_VERSION} (the running one is ${process.versions.node})`);
    const partial = `${home}.partial-${process.pid}`;
    mkdirSync(partial, { recursive: true });
    writeFileSync(join(partial, 'package.json'), '{"private":true}');
    npm(['install', '--prefix', partial, '--no-audit', '--no-fund', `${name}@${NODE_VERSION}`], 'fetching Node.js');
    try {
      renameSync(partial, home);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(binary)) throw error; // else another process put it there first
    }
  }
  return binary;
}

if (Number(process.versions.node.split('.')[0]) < MINIMUM_NODE_MAJOR) {
  fail(`Node.js ${process.versions.node} is too old; install Node.js ${MINIMUM_NODE_MAJOR} or newer`);
}
const [task, ...args] = process.argv.slice(2);
if (!task) fail('usage: node tasks/run.mjs FILE [ARGS...]');
installPackages();
const node = modernNode();
const nodeOptions = /\.[cm]?ts$/.test(task) ? ['--import', 'tsx'] : [];
const child = spawn(node, [...nodeOptions, task, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
});
// The terminal sends an interrupt to the whole group: leave it to the task, which cleans up, and report its end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
