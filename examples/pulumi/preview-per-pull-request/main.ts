import { rmSync, writeFileSync } from 'node:fs';
import { LocalWorkspace } from '@pulumi/pulumi/automation';
import { preview } from './preview';

const USAGE = 'usage: PULL_REQUEST=NUMBER main.ts up FILE | down';

async function main([command, file]: readonly string[]): Promise<void> {
  const pullRequest = process.env['PULL_REQUEST'] ?? '';
  if (!/^[1-9]\d{0,8}$/.test(pullRequest)) {
    throw new Error(`PULL_REQUEST: "${pullRequest}" is not the number of a pull request: set it in the environment`);
  }
  const stack = await LocalWorkspace.createOrSelectStack({
    projectName: 'previews',
    stackName: `preview-${pullRequest}`,
    program: () => Promise.resolve(preview(pullRequest)),
  });
  const onOutput = (text: string): boolean => process.stderr.write(text);
  if (command === 'up' && file !== undefined) {
    const { outputs } = await stack.up({ onOutput });
    // Whoever has it is admin of the preview.
    rmSync(file, { force: true });
    writeFileSync(file, String(outputs['kubeconfig']?.value), { mode: 0o600 });
  } else if (command === 'down') {
    await stack.destroy({ onOutput });
    await stack.workspace.removeStack(stack.name);
  } else throw new Error(USAGE);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
