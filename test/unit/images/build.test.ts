import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDigests } from '../../../images/file-digests';
import type { ImageName } from '../../../images/index';
import { buildImages } from '../../../images/index';
import { fileInTree, sharedLibraries } from '../../../images/shared-libraries';

describe('building images', () => {
  let folder: string;
  let cache: string;
  let lines: string[];
  const entry = () => join(folder, 'main.ts');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'images-'));
    cache = join(folder, 'cache');
    lines = [];
    for (const name of ['etcd', 'kubectl', 'coredns', 'pod-hosts']) await program(name, `#!/bin/sh\necho ${name}\n`);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function program(name: string, text: string): Promise<void> {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
  const build = (...names: ImageName[]) =>
    buildImages({
      binaries: async (name) => join(folder, name),
      programs: async (name) => join(folder, name),
      names,
      cache,
      syncerEntry: entry(),
      log: (line) => lines.push(line),
    });

  test('makes an archive per image, once', async () => {
    const first = await build('etcd', 'coredns');
    expect(first.map(({ name }) => name)).toEqual([
      'registry.k8s.io/etcd:3.6.5-0',
      'registry.k8s.io/coredns/coredns:v1.14.7',
    ]);
    expect(lines).toHaveLength(2);
    const inodes = await Promise.all(first.map(async ({ archive }) => (await stat(archive)).ino));
    lines = [];
    const second = await build('etcd', 'coredns');
    expect(second).toEqual(first);
    expect(lines).toEqual([]);
    expect(await Promise.all(second.map(async ({ archive }) => (await stat(archive)).ino))).toEqual(inodes);
  });

  test('a changed program gives another archive; a few old ones stay', async () => {
    const archives = new Set<string>();
    for (const text of ['one', 'two', 'six', 'ten', 'elf']) {
      await program('etcd', text);
      archives.add((await build('etcd'))[0]!.archive);
    }
    expect(archives.size).toBe(5);
    const kept = (await readdir(join(cache, 'images'))).filter((name) => name.endsWith('.tar'));
    expect(kept).toHaveLength(3);
    expect(kept).toContain([...archives].at(-1)!.split('/').at(-1));
  });

  test('several builds at once end with one archive and nothing half made', async () => {
    const results = await Promise.all([build('kubectl'), build('kubectl'), build('kubectl')]);
    expect(new Set(results.map(([image]) => image!.archive)).size).toBe(1);
    expect((await readdir(join(cache, 'images'))).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('what a killed build left is removed after an hour', async () => {
    await mkdir(join(cache, 'images'), { recursive: true });
    const [old, young] = ['a.tar.partial-7-0123abcd', 'b.tar.partial-8-0123abcd'].map((name) =>
      join(cache, 'images', name),
    );
    for (const path of [old!, young!]) await writeFile(path, '');
    await utimes(old!, 1, 1);
    await build('etcd');
    expect((await readdir(join(cache, 'images'))).filter((name) => name.includes('partial'))).toEqual([
      'b.tar.partial-8-0123abcd',
    ]);
  });

  test('a missing binary is the error that its provider gives', async () => {
    const provider = buildImages({
      binaries: () => Promise.reject(new Error('etcd cannot be had here')),
      names: ['etcd'],
      cache,
      log: () => undefined,
    });
    await expect(provider).rejects.toThrow('etcd cannot be had here');
  });

  test('the syncer is bundled once per content, and its lazy modules stay lazy', async () => {
    await writeFile(join(folder, 'lazy.ts'), `console.log('lazy'); export const answer: number = 42;\n`);
    await writeFile(
      entry(),
      `async function main(): Promise<void> {
         console.log('up');
         if (process.argv[2] === 'more') console.log((await import('./lazy')).answer);
       }
       void main();\n`,
    );
    const [first] = await build('syncer');
    expect(lines.join('\n')).toMatch(/bundled the syncer: \d+ KiB of 2 files/);
    lines = [];
    expect(await build('syncer')).toEqual([first]);
    expect(lines).toEqual([]);

    const bundles = (await readdir(join(cache, 'bundles'))).filter((name) => name.startsWith('syncer-'));
    expect(bundles).toHaveLength(1);
    const bundle = join(cache, 'bundles', bundles[0]!, 'syncer.js');
    expect(execFileSync(process.execPath, [bundle], { encoding: 'utf8' })).toBe('up\n');
    expect(execFileSync(process.execPath, [bundle, 'more'], { encoding: 'utf8' })).toBe('up\nlazy\n42\n');

    await writeFile(join(folder, 'lazy.ts'), `export const answer = 43;\n`);
    expect(await build('syncer')).not.toEqual([first]);
  });

  test('a syncer that does not compile is reported with file and line', async () => {
    await writeFile(entry(), `import { nothing } from './missing';\nnothing();\n`);
    await expect(build('syncer')).rejects.toThrow(/main\.ts:1:\d+: ERROR: Could not resolve ".\/missing"/);
    expect(await readdir(join(cache, 'bundles'))).toEqual([]);
  });

  test('Node.js goes into the image with every library that it links', async () => {
    const libraries = (await sharedLibraries(process.execPath)).map(({ path }) => path);
    expect(libraries.some((path) => path.includes('libstdc++.so'))).toBe(true);
    expect(libraries.some((path) => /\/ld-(linux|musl)/.test(path))).toBe(true);
  });

  test('links in an unpacked tree do not lead out of it', async () => {
    await mkdir(join(folder, 'tree', 'lib'), { recursive: true });
    await writeFile(join(folder, 'tree', 'lib', 'real'), 'inside');
    await symlink('/lib/real', join(folder, 'tree', 'absolute'));
    await symlink('../../../../../lib/real', join(folder, 'tree', 'climbing'));
    await symlink('loop', join(folder, 'tree', 'loop'));
    for (const name of ['/absolute', '/climbing']) {
      expect(await readFile(await fileInTree(join(folder, 'tree'), name), 'utf8')).toBe('inside');
    }
    await expect(fileInTree(join(folder, 'tree'), '/loop')).rejects.toThrow('circle');
  });
});

describe('remembered digests', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'digests-'))));
  afterEach(() => rm(folder, { recursive: true }));

  test('a file of the same length and time but other content is seen', async () => {
    const file = join(folder, 'file');
    const store = join(folder, 'store.json');
    await writeFile(file, 'one');
    const first = new FileDigests(store);
    const { digest } = await first.of(file);
    const { atime, mtime } = await stat(file);
    await first.save();
    await writeFile(file, 'two');
    await utimes(file, atime, mtime);
    const second = await new FileDigests(store).of(file);
    expect(second.size).toBe(3);
    expect(second.digest).not.toBe(digest);
  });

  test('a damaged store is ignored', async () => {
    const store = join(folder, 'store.json');
    await writeFile(store, '{"x":');
    await writeFile(join(folder, 'file'), 'one');
    expect((await new FileDigests(store).of(join(folder, 'file'))).size).toBe(3);
  });
});
