import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../host-cluster/command';
import { VERSION } from './version';

/**
 * Installs the provider of this folder as Pulumi's plugin for package `kubernetes`.
 *
 * @param pulumi the program
 * @param home PULUMI_HOME, which holds plugins
 */
export function installKubernetesPlugin(pulumi: string, home: string): Promise<void> {
  return install(pulumi, home, 'kubernetes', VERSION, [join(__dirname, 'main.ts')]);
}

/** Installs our own plugin, as a program: what runs it for users, the language host for Node.js, is a download. */
export function installNestlingPlugin(pulumi: string, home: string): Promise<void> {
  const root = join(__dirname, '..', '..');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  // Its imports of our package lead into this checkout.
  const compiler = ['--tsconfig', join(root, 'tsconfig.json')];
  return install(pulumi, home, 'nestling', version, [...compiler, join(root, 'pulumi-plugin', 'index.ts')]);
}

async function install(
  pulumi: string,
  home: string,
  name: string,
  version: string,
  args: readonly string[],
): Promise<void> {
  const folder = join(home, `${name}-plugin`);
  mkdirSync(folder, { recursive: true });
  const program = join(folder, `pulumi-resource-${name}`);
  const quoted = [process.execPath, require.resolve('tsx/cli'), ...args].map((one) => `'${one}'`);
  writeFileSync(program, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
  await run(pulumi, ['plugin', 'install', 'resource', name, version, '--file', folder], {
    environment: { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: 'true' },
  });
}
