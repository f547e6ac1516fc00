import { lstat, readdir, readlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { run } from './command';

/** One shared library or the dynamic loader: its path in an image, and the file to take. */
export interface SharedLibrary {
  readonly path: string;
  readonly file: string;
}

/**
 * The shared libraries that a program of this machine links, and its loader, at the paths where it looks for them.
 *
 * @throws Error for a program whose libraries are not all there.
 */
export async function sharedLibraries(program: string): Promise<SharedLibrary[]> {
  return parse(await run('ldd', [program]), program).map((path) => ({ path, file: path }));
}

/**
 * The same for a program inside an unpacked tree, asked of the tree's own loader so that no library of the machine
 * gets in.
 *
 * @param root folder that stands for `/`
 * @param program path in the tree
 */
export async function sharedLibrariesIn(root: string, program: string): Promise<SharedLibrary[]> {
  const loader = await findLoader(root);
  const folders = await libraryFolders(root);
  const output = await run(loader.file, ['--library-path', folders.join(':'), '--list', join(root, program)]);
  const libraries: SharedLibrary[] = [loader];
  for (const found of parse(output, program)) {
    if (/^ld-linux/.test(basename(found)) || !found.startsWith(`${root}/`)) continue;
    const path = found.slice(root.length);
    libraries.push({ path, file: await fileInTree(root, path) });
  }
  return libraries;
}

/** The file at a path of a tree, links followed inside the tree: an absolute one must not lead to the machine's own. */
export async function fileInTree(root: string, path: string): Promise<string> {
  let current = path;
  for (let links = 0; links < 16; links++) {
    const file = join(root, current);
    if (!(await lstat(file)).isSymbolicLink()) return file;
    current = resolve(dirname(current), await readlink(file));
  }
  throw new Error(`${path} in ${root} is a circle of links`);
}

/** Where programs expect the C library's loader, by architecture. */
const LOADERS = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];

async function findLoader(root: string): Promise<SharedLibrary> {
  for (const path of LOADERS) {
    // Newer packages have everything below /usr; programs still name the short path.
    for (const place of [path, `/usr${path}`]) {
      const file = await fileInTree(root, place).catch(() => undefined);
      if (file) return { path, file };
    }
  }
  throw new Error(`no dynamic loader in ${root}: the list of packages lacks libc6`);
}

/** `/lib/TRIPLET` and `/usr/lib/TRIPLET` of a Debian tree. */
async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const parent of ['lib', 'usr/lib']) {
    const names = await readdir(join(root, parent)).catch((): string[] => []);
    folders.push(...names.filter((name) => /-linux-gnu$/.test(name)).map((name) => join(root, parent, name)));
  }
  return folders;
}

/** Reads lines such as `libm.so.6 => /lib/x/libm.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
function parse(output: string, program: string): string[] {
  if (/not a dynamic executable|statically linked/.test(output)) return [];
  const missing = /^\s*(\S+) => not found/m.exec(output);
  if (missing) throw new Error(`${program} needs the shared library ${missing[1]}, which is not there`);
  const paths = output.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)/.exec(line)?.[1] ?? []);
  return [...new Set(paths)];
}
