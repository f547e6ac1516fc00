import { constants } from 'node:fs';
import { access, copyFile, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { BinaryName, ImageName } from './index';
import { buildImages, bundleSyncer, imageNames } from './index';

/**
 * `node --import tsx images/main.ts [--out DIR] [--binaries DIR] [NAMES…]` makes images; with `--bundle FILE` only the
 * syncer's JavaScript, which is what the Dockerfile calls.
 */
async function main(): Promise<void> {
  const program = new Command('images')
    .description('Makes the images of a virtual cluster as OCI archives, without a container engine.')
    .argument('[names...]', `which images, of: ${imageNames.join(', ')} (default: all)`)
    .option('--out <dir>', 'copy the archives there; without it they stay in the cache')
    .option('--binaries <dir>', 'folder with etcd, kube-apiserver and so on', process.env.NESTLING_BINARIES)
    .option('--bundle <file>', "write the syncer's JavaScript bundle there, and make no image")
    .showHelpAfterError()
    .parse();
  const { out, binaries, bundle } = program.opts<{ out?: string; binaries?: string; bundle?: string }>();
  if (bundle !== undefined) {
    const { bytes, inputs } = await bundleSyncer({ outfile: resolve(bundle) });
    console.error(`${bundle}: ${(bytes / 1024).toFixed(0)} KiB of ${inputs.length} files`);
    return;
  }
  const names = program.args.map(imageName);
  const built = await buildImages({
    binaries: (name) => binaryIn(binaries, name),
    ...(names.length > 0 && { names }),
    log: (text) => console.error(text),
  });
  if (out !== undefined) await mkdir(out, { recursive: true });
  for (const { name, archive } of built) {
    const place = out === undefined ? archive : join(out, basename(archive));
    // A clone where the file system can: archives are large.
    if (out !== undefined) await copyFile(archive, place, constants.COPYFILE_FICLONE);
    console.log(`${name} ${place}`);
  }
}

function imageName(text: string): ImageName {
  const name = imageNames.find((known) => known === text);
  if (!name) throw new Error(`there is no image ${text}; the images are: ${imageNames.join(', ')}`);
  return name;
}

async function binaryIn(folder: string | undefined, name: BinaryName): Promise<string> {
  if (folder === undefined)
    throw new Error(`the binary ${name} is needed: name its folder with --binaries or NESTLING_BINARIES`);
  const path = join(folder, name);
  await access(path, constants.X_OK).catch(() => {
    throw new Error(`${path} is missing or not executable; put a static Linux build of ${name} there`);
  });
  return path;
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
