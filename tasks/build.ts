/** `npm run build`: the package's JavaScript and types in dist, which holds nothing else afterwards. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCommandLine } from './bundle-cli';

const root = join(__dirname, '..');

async function main(): Promise<void> {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (status === 0) await bundleCommandLine();
  process.exitCode = status ?? 1;
}

void main();
