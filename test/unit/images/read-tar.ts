/** One entry as a reader of our archives sees it. */
export interface ReadEntry {
  name: string;
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  linkTarget: string;
  /** PAX records in front of it. */
  pax: Map<string, Buffer>;
  content: Buffer;
}

/** Reads a tar archive as POSIX describes it; throws where a checksum or a record is wrong. */
export function readTar(archive: Buffer): ReadEntry[] {
  const entries: ReadEntry[] = [];
  let pax = new Map<string, Buffer>();
  let offset = 0;
  for (;;) {
    const header = archive.subarray(offset, offset + 512);
    if (header.every((byte) => byte === 0)) break;
    const text = (at: number, length: number) => header.toString('latin1', at, at + length).replace(/\0.*$/s, '');
    const octal = (at: number, length: number) => parseInt(text(at, length), 8);
    const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    if (sum !== octal(148, 8)) throw new Error(`wrong checksum at ${offset}`);
    if (header.toString('latin1', 257, 265) !== 'ustar\x0000') throw new Error(`no ustar header at ${offset}`);
    const size = pax.has('size') ? Number(pax.get('size')) : octal(124, 12);
    const content = archive.subarray(offset + 512, offset + 512 + size);
    offset += 512 + Math.ceil(size / 512) * 512;
    const flag = text(156, 1);
    if (flag === 'x') {
      pax = readPax(content);
      continue;
    }
    const prefix = text(345, 155);
    entries.push({
      name: pax.get('path')?.toString() ?? (prefix ? `${prefix}/${text(0, 100)}` : text(0, 100)),
      flag,
      mode: octal(100, 8),
      uid: Number(pax.get('uid') ?? octal(108, 8)),
      gid: Number(pax.get('gid') ?? octal(116, 8)),
      mtime: octal(136, 12),
      linkTarget: pax.get('linkpath')?.toString() ?? text(157, 100),
      pax,
      content,
    });
    pax = new Map();
  }
  if (archive.length - offset !== 1024) throw new Error('the archive does not end with two empty records');
  return entries;
}

function readPax(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(' ', at);
    const length = Number(body.toString('latin1', at, space));
    if (!(length > 0) || body[at + length - 1] !== 0x0a) throw new Error('wrong PAX record');
    const equals = body.indexOf('=', space);
    records.set(body.toString('utf8', space + 1, equals), body.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}
