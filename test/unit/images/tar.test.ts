import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { encodeCapabilities } from '../../../images/file-capability';
import type { TarHeader } from '../../../images/tar';
import { encodeTarHeader, TAR_END, tarPadding } from '../../../images/tar';
import { readTar } from './read-tar';

function archive(...entries: [TarHeader, Buffer?][]): Buffer {
  return Buffer.concat([
    ...entries.flatMap(([header, content = Buffer.alloc(0)]) => [
      encodeTarHeader({ ...header, size: content.length }),
      content,
      Buffer.alloc(tarPadding(content.length)),
    ]),
    TAR_END,
  ]);
}

const one = (header: TarHeader, content?: Buffer) => readTar(archive(content ? [header, content] : [header]))[0]!;

describe('tar headers', () => {
  test('a file keeps its metadata, and its time is the epoch', () => {
    const entry = one({ path: 'bin/sh', type: 'file', mode: 0o4755, uid: 65532, gid: 7 }, Buffer.from('hello'));
    expect(entry).toMatchObject({ name: 'bin/sh', flag: '0', mode: 0o4755, uid: 65532, gid: 7, mtime: 0 });
    expect(entry.content.toString()).toBe('hello');
    expect(entry.pax.size).toBe(0);
  });

  test('directories end with a slash, links have a target', () => {
    expect(one({ path: 'tmp', type: 'directory', mode: 0o1777 })).toMatchObject({
      name: 'tmp/',
      flag: '5',
      mode: 0o1777,
    });
    expect(one({ path: 'var/run', type: 'symlink', mode: 0o777, linkTarget: '/run' })).toMatchObject({
      flag: '2',
      linkTarget: '/run',
    });
  });

  test('a path that ustar splits needs no PAX record', () => {
    const path = `${'d'.repeat(120)}/${'n'.repeat(100)}`;
    const entry = one({ path, type: 'file', mode: 0o644 });
    expect(entry.name).toBe(path);
    expect(entry.pax.size).toBe(0);
  });

  test.each([
    ['a name over 100 characters', 'n'.repeat(101)],
    ['a path over 256', Array(40).fill('folder').join('/')],
    ['a name that is not ASCII', 'größe/名前'],
  ])('%s goes into a PAX record', (_what, path) => {
    const entry = one({ path, type: 'file', mode: 0o644 }, Buffer.from('x'));
    expect(entry.name).toBe(path);
    expect(entry.pax.has('path')).toBe(true);
  });

  test('long link targets and large ids go into PAX records', () => {
    const target = `/${'t'.repeat(150)}`;
    const entry = one({
      path: 'l',
      type: 'symlink',
      mode: 0o777,
      linkTarget: target,
      uid: 4_000_000_000,
      gid: 2_100_000,
    });
    expect(entry).toMatchObject({ linkTarget: target, uid: 4_000_000_000, gid: 2_100_000 });
  });

  test('a file over 8 GiB has its size in a PAX record', () => {
    const size = 9 * 2 ** 30;
    const header = encodeTarHeader({ path: 'big', type: 'file', mode: 0o644, size });
    expect(header.subarray(512, 1024).toString('latin1')).toContain(`size=${size}\n`);
  });

  test('a capability is the bytes of setcap cap_net_bind_service=+ep', () => {
    const xattrs = { 'security.capability': encodeCapabilities(['cap_net_bind_service']) };
    const entry = one({ path: 'coredns', type: 'file', mode: 0o755, xattrs }, Buffer.from('x'));
    expect(entry.pax.get('SCHILY.xattr.security.capability')?.toString('hex')).toBe(
      '0100000200040000000000000000000000000000',
    );
  });

  test.each(['', '/etc', 'etc/', 'a//b', '../b', 'a/./b', 'a/..', 'a\0b'])('path %j is refused', (path) => {
    expect(() => encodeTarHeader({ path, type: 'file', mode: 0o644 })).toThrow(/tar entry/);
  });

  test('contradictions are refused', () => {
    expect(() => encodeTarHeader({ path: 'a', type: 'directory', mode: 0, size: 1 })).toThrow(/no content/);
    expect(() => encodeTarHeader({ path: 'a', type: 'symlink', mode: 0 })).toThrow(/link target/);
    expect(() => encodeTarHeader({ path: 'a', type: 'file', mode: 0, linkTarget: 'b' })).toThrow(/link target/);
    expect(() => encodeTarHeader({ path: 'a', type: 'file', mode: 0, size: -1 })).toThrow(/size -1/);
  });

  test('whatever the names, sizes and attributes are, they are read back', () => {
    const part = fc
      .string({ minLength: 1, maxLength: 120, unit: 'grapheme' })
      .filter((text) => !/^\.{1,2}$|[/\0]/.test(text));
    const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
    const content = fc.uint8Array({ maxLength: 1100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(path, content, content, fc.nat(0o7777), (name, bytes, xattr, mode) => {
        const entry = one({ path: name, type: 'file', mode, xattrs: { 'user.x': xattr } }, bytes);
        expect(entry).toMatchObject({ name, mode });
        expect(entry.content.equals(bytes)).toBe(true);
        expect(entry.pax.get('SCHILY.xattr.user.x')?.equals(xattr)).toBe(true);
      }),
    );
  });

  test('the machine’s own tar reads it too', () => {
    const long = `${'folder/'.repeat(30)}${'n'.repeat(120)}`;
    const bytes = archive(
      [{ path: 'tmp', type: 'directory', mode: 0o1777 }],
      [{ path: long, type: 'file', mode: 0o755, uid: 65532, gid: 65532 }, Buffer.alloc(700)],
      [{ path: 'run', type: 'symlink', mode: 0o777, linkTarget: `/${'t'.repeat(120)}` }],
    );
    const listing = execFileSync('tar', ['-tv', '--numeric-owner', '-f', '-'], {
      input: bytes,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    expect(
      listing
        .trim()
        .split('\n')
        .map((line) => line.replace(/\s+/g, ' ')),
    ).toEqual([
      'drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/',
      `-rwxr-xr-x 65532/65532 700 1970-01-01 00:00 ${long}`,
      `lrwxrwxrwx 0/0 0 1970-01-01 00:00 run -> /${'t'.repeat(120)}`,
    ]);
  });
});
