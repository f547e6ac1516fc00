import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../host-cluster/command';
import { VERSION } from './version';

/**
 * Installs the provider of this folder as Pulumi's plugin for package `kubernetes`.
 *
 * @param pulumi the program
 * @param home PULUMI_HOME, which holds plugins
 */
export async function installKubernetesPlugin(pulumi: string, home: string): Promise<void> {
  const folder = join(home, 'kubernetes-plugin');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'pulumi-resource-kubernetes');
  const quoted = [process.execPath, require.resolve('tsx/cli'), join(__dirname, 'main.ts')].map((one) => `'${one}'`);
  writeFileSync(program, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
  await run(pulumi, ['plugin', 'install', 'resource', 'kubernetes', VERSION, '--file', folder], {
    environment: { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: 'true' },
  });
}
