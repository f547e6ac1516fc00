/** `npm run pulumi-schema`: the arguments of Pulumi's plugin as TypeScript, and the plugin's schema, from the settings and their comments. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicModules } from './api-reference/surface';
import { pulumiArguments } from './pulumi-arguments';

const root = join(__dirname, '..');
const folder = join(root, 'pulumi-plugin');

async function main(): Promise<void> {
  // The analyzer reads the file, so it comes first.
  writeFileSync(join(folder, 'arguments.ts'), pulumiArguments(publicModules(root)));
  const { pluginSchema } = await import('./plugin-schema.js');
  writeFileSync(join(folder, 'schema.json'), await pluginSchema(folder));
}

void main();
