import { NestlingProvider } from '../pulumi-plugin/provider';

/** The schema of Pulumi's plugin, as its engine asks for it: from the types in a folder. */
export async function pluginSchema(folder: string): Promise<string> {
  return `${JSON.stringify(JSON.parse(await new NestlingProvider(folder).getSchema()), null, 2)}\n`;
}
