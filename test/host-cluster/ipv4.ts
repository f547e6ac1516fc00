/** A range of IPv4 addresses: its first address as a number, and how many leading bits are fixed. */
export interface Block {
  readonly base: number;
  readonly length: number;
}

/** Reads `a.b.c.d/n`, or `a.b.c.d` as a range of one; undefined when it is neither or has host bits set. */
export function parseBlock(text: string): Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1, 5).map(Number);
  const length = match[5] === undefined ? 32 : Number(match[5]);
  if (bytes.some((byte) => byte > 255) || length > 32) return undefined;
  const base = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return base % 2 ** (32 - length) === 0 ? { base, length } : undefined;
}

/** The `index`-th range of `length` bits inside a range. */
export function blockAt(block: Block, length: number, index: number): Block {
  return { base: block.base + index * 2 ** (32 - length), length };
}

/** The `offset`-th address of a range as text. */
export function addressAt(block: Block, offset: number): string {
  const address = block.base + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** A range as `a.b.c.d/n`. */
export function formatBlock(block: Block): string {
  return `${addressAt(block, 0)}/${block.length}`;
}

/** Whether the second range lies within the first (or is the same). */
export function contains(outer: Block, inner: Block): boolean {
  const size = 2 ** (32 - outer.length);
  return inner.length >= outer.length && Math.floor(inner.base / size) === Math.floor(outer.base / size);
}
