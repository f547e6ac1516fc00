import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(__dirname, '..');

/**
 * Bundles the command line into one file, `dist/cli/nestling.js`. The constructs stay outside of it: they are beside it in the package, and
 * a user's own settings file must get the same classes.
 *
 * @throws Error with esbuild's messages, each with file and line.
 */
export async function bundleCommandLine(): Promise<void> {
  const outfile = join(root, 'dist/cli/nestling.js');
  const { metafile } = await build({
    metafile: true,
    entryPoints: [join(root, 'cli/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    // The oldest that package.json allows.
    target: 'node20.19',
    format: 'cjs',
    keepNames: true,
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    absWorkingDir: root,
    logLevel: 'warning',
    // Optional accelerators of ws, which it does without; and the loader of settings files, which has files of its own beside it.
    external: ['bufferutil', 'utf-8-validate', 'jiti'],
    plugins: [
      {
        name: 'constructs',
        setup: ({ onResolve }) => {
          onResolve({ filter: /^(\.\.\/)+constructs(\/index\.js)?$/ }, () => ({
            path: '../constructs/index.js',
            external: true,
          }));
          // It makes values of those classes.
          onResolve({ filter: /^(\.\.\/)+constructs\/settings$/ }, () => ({
            path: '../constructs/settings/index.js',
            external: true,
          }));
          onResolve({ filter: /^(\.\.\/)+constructs\// }, ({ path, importer }) => ({
            errors: [{ text: `${path} of ${importer}: import what the package exports, from constructs itself` }],
          }));
          // Peers, of which there must be one copy, too.
          onResolve({ filter: /^(cdk8s|constructs)$/ }, ({ path }) => ({ path, external: true }));
        },
      },
    ],
  });
  await chmod(outfile, 0o755);
  await writeFile(`${outfile}.LICENSES.txt`, await licences(Object.keys(metafile.inputs)));
}

/** The licence texts of all packages in a bundle, which each of them asks to go with copies. */
async function licences(inputs: readonly string[]): Promise<string> {
  const packages = new Set(inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
  const texts: string[] = [];
  for (const name of [...packages].sort()) {
    const folder = join(root, 'node_modules', name);
    const file = (await readdir(folder)).find((entry) => /^licen[sc]e/i.test(entry));
    if (file === undefined) throw new Error(`package ${name}, which is in the bundle, has no licence file`);
    texts.push(`${name}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`);
  }
  return texts.join('\n');
}
