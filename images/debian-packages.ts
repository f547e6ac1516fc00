import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, makeOnce } from './cache';
import { CommandError, run } from './command';

/** What {@link debianTree} needs to know. */
export interface DebianOptions {
  /** Cache folder; trees go below `debian/` there. */
  readonly cache: string;
  readonly log: (text: string) => void;
}

/**
 * The unpacked files of Debian packages, in a folder of the cache. Nothing is installed and no script of a package
 * runs. The packages are fetched once, at the version that the machine's package lists name, and kept.
 *
 * @returns the folder that stands for `/`.
 * @throws Error naming the package and the remedy where apt is missing or does not know the package.
 */
export async function debianTree(packages: readonly string[], { cache, log }: DebianOptions): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 16);
  const folder = join(cache, 'debian', `${await release()}-${process.arch}-${key}`);
  return makeOnce(folder, async (partial) => {
    log(`fetching Debian packages: ${packages.join(', ')}`);
    const archives = join(partial, '.archives');
    await mkdir(archives, { recursive: true });
    await download(packages, archives, cache);
    for (const archive of (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort()) {
      await run('dpkg-deb', ['--extract', join(archives, archive), partial]);
    }
    await rm(archives, { recursive: true });
  });
}

/** `debian-12` and the like: packages of one release must not meet those of another in the cache. */
async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)"?$`, 'm').exec(text)?.[1];
  return `${field('ID') ?? 'unknown'}-${field('VERSION_ID') ?? 'unknown'}`;
}

async function download(packages: readonly string[], into: string, cache: string): Promise<void> {
  // Without the sandbox user: it may not be allowed to write below the cache, and apt says so on every download.
  const options = ['-q', '-o', 'APT::Sandbox::User=root'];
  try {
    await run('apt-get', [...options, 'download', ...packages], { cwd: into });
  } catch (error) {
    if (error instanceof CommandError && error.missing) {
      throw new Error(
        `apt-get is missing: ${packages.join(', ')} come from Debian packages; use a Debian machine, or a host cluster that has registries`,
        { cause: error },
      );
    }
    // The machine's package lists may be empty or old: fetch lists of our own, which needs no lock and changes nothing.
    const state = join(cache, 'debian', 'lists');
    const own = [...options, '-o', `Dir::State::Lists=${state}`, '-o', `Dir::Cache=${join(cache, 'debian', 'index')}`];
    if (!(await exists(join(state, 'partial')))) await mkdir(join(state, 'partial'), { recursive: true });
    await mkdir(join(cache, 'debian', 'index', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...own, 'update'], { cwd: into });
    await run('apt-get', [...own, 'download', ...packages], { cwd: into });
  }
}
