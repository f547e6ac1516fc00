import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Readable by the owner and by the volume's group. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

/**
 * Writes files one after the other, each of them whole or not at all; folders are made.
 *
 * @param files content by path below the directory
 * @throws Error naming the file that cannot be written
 */
export async function writeFiles(directory: string, files: ReadonlyMap<string, string>): Promise<void> {
  const folders = new Set([...files.keys()].map((path) => dirname(join(directory, path))));
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: DIRECTORY_MODE });
  for (const [path, content] of files) await replace(join(directory, path), content);
}

async function replace(path: string, content: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(temporary, content, { mode: FILE_MODE, flag: 'wx' });
    // The process's umask may have taken the group's right away.
    await chmod(temporary, FILE_MODE);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Error(`${path} cannot be written: ${(error as Error).message}; make its folder writable for this user`, {
      cause: error,
    });
  }
}
