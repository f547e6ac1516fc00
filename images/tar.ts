/**
 * A tar writer's headers: POSIX.1-2001 (ustar with PAX records), as image layers and archives need them.
 *
 * Only headers are made here; contents are streamed by whoever writes the archive, so that no large file is ever
 * held in memory.
 */

/** What a tar entry is. Device nodes, sockets and hard links have no place in an image of ours. */
export type TarType = 'file' | 'directory' | 'symlink';

/** The metadata of one entry of a tar archive. */
export interface TarHeader {
  /** Path in the archive: relative, with `/`, no leading or trailing slash (a directory gets its slash here). */
  readonly path: string;
  readonly type: TarType;
  /** Permission bits, with set-id and sticky bits: `0o755`, `0o1777`. */
  readonly mode: number;
  /** @default 0 */
  readonly uid?: number;
  /** @default 0 */
  readonly gid?: number;
  /** Content length in bytes; 0 for anything but a file. @default 0 */
  readonly size?: number;
  /** Where a symbolic link points. */
  readonly linkTarget?: string;
  /** Extended attributes by their kernel name, such as `security.capability`. Values are raw bytes. */
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

/** Size of a tar record: headers and contents are padded to a multiple of it. */
export const TAR_BLOCK = 512;

/** Two empty records end an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * TAR_BLOCK);

const TYPE_FLAG: Readonly<Record<TarType, string>> = { file: '0', symlink: '2', directory: '5' };
const PAX_FLAG = 'x';
/** Eleven octal digits: larger files need a PAX record. */
const MAXIMUM_USTAR_SIZE = 0o77777777777;
/** Seven octal digits, for user and group ids. */
const MAXIMUM_USTAR_ID = 0o7777777;

/** How many zero bytes follow a content of `size` bytes. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/**
 * The record or records that go before an entry's content: one ustar header, preceded by a PAX header where a name is
 * long or not ASCII, a number is large, or there are extended attributes. Time is always the epoch: the same entry
 * gives the same bytes.
 *
 * @throws RangeError when the path could leave the archive's root or the size is no valid number.
 */
export function encodeTarHeader(entry: TarHeader): Buffer {
  const { size = 0, uid = 0, gid = 0, linkTarget = '' } = entry;
  checkPath(entry.path);
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError(`tar entry ${entry.path}: size ${size} is not a length`);
  if (entry.type !== 'file' && size !== 0)
    throw new RangeError(`tar entry ${entry.path}: a ${entry.type} has no content`);
  if ((entry.type === 'symlink') !== (linkTarget !== '')) {
    throw new RangeError(`tar entry ${entry.path}: a link target goes with a symlink, and only with it`);
  }
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const pax = new Map<string, Buffer>();
  const name = splitName(path);
  if (!name) pax.set('path', Buffer.from(path));
  if (!fits(linkTarget, 100)) pax.set('linkpath', Buffer.from(linkTarget));
  if (size > MAXIMUM_USTAR_SIZE) pax.set('size', Buffer.from(String(size)));
  if (uid > MAXIMUM_USTAR_ID) pax.set('uid', Buffer.from(String(uid)));
  if (gid > MAXIMUM_USTAR_ID) pax.set('gid', Buffer.from(String(gid)));
  for (const [key, value] of Object.entries(entry.xattrs ?? {})) pax.set(`SCHILY.xattr.${key}`, value);

  const header = encodeUstar({
    name: name?.name ?? truncate(path),
    prefix: name?.prefix ?? '',
    mode: entry.mode,
    uid: Math.min(uid, MAXIMUM_USTAR_ID),
    gid: Math.min(gid, MAXIMUM_USTAR_ID),
    size: Math.min(size, MAXIMUM_USTAR_SIZE),
    flag: TYPE_FLAG[entry.type],
    linkTarget: truncate(linkTarget),
  });
  return pax.size === 0 ? header : Buffer.concat([encodePax(pax), header]);
}

function checkPath(path: string): void {
  if (path === '' || path.startsWith('/') || path.endsWith('/') || path.includes('\0')) {
    throw new RangeError(`tar entry "${path}": paths are relative and end without a slash`);
  }
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new RangeError(`tar entry "${path}": empty, "." and ".." parts are not allowed`);
  }
}

/** Whether ustar holds this text as it is. */
function fits(text: string, length: number): boolean {
  return text.length <= length && /^[\x00-\x7f]*$/.test(text);
}

/** A path as ustar's prefix (at most 155) and name (at most 100), or nothing when it does not fit. */
function splitName(path: string): { name: string; prefix: string } | undefined {
  if (fits(path, 100)) return { name: path, prefix: '' };
  if (!fits(path, 256)) return undefined;
  // The first slash that leaves at most 100 characters after it gives the shortest prefix.
  const slash = path.indexOf('/', path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** What the ustar header shows where a PAX record has the whole text: ASCII, at most 100 characters. */
function truncate(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '_').slice(0, 100);
}

function encodePax(records: ReadonlyMap<string, Buffer>): Buffer {
  const body = Buffer.concat(
    [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => paxRecord(key, value)),
  );
  const header = encodeUstar({
    name: 'PaxHeaders/entry',
    prefix: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    flag: PAX_FLAG,
    linkTarget: '',
  });
  return Buffer.concat([header, body, Buffer.alloc(tarPadding(body.length))]);
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

interface UstarFields {
  name: string;
  prefix: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  flag: string;
  linkTarget: string;
}

function encodeUstar(fields: UstarFields): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, offset: number, width: number) =>
    header.write(value.toString(8).padStart(width - 1, '0'), offset, width - 1, 'latin1');
  header.write(fields.name, 0, 100, 'latin1');
  octal(fields.mode, 100, 8);
  octal(fields.uid, 108, 8);
  octal(fields.gid, 116, 8);
  octal(fields.size, 124, 12);
  octal(0, 136, 12); // modification time: the epoch
  header.fill(' ', 148, 156); // the checksum counts as spaces while it is computed
  header.write(fields.flag, 156, 1, 'latin1');
  header.write(fields.linkTarget, 157, 100, 'latin1');
  header.write('ustar\x0000', 257, 8, 'latin1');
  header.write(fields.prefix, 345, 155, 'latin1');
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return header;
}
