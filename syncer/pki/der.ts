/**
 * Writing of DER, as far as certificates need it. Reading is left to `node:crypto`; only `derElements` looks into a structure
 * that this process made or that OpenSSL has parsed already.
 */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** One element: tag, length, content. */
export function derElement(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content]);
}

/** SEQUENCE of elements. */
export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return derElement(TAG.sequence, Buffer.concat(elements));
}

/** SET of one element (more would have to be sorted). */
export function derSetOf(element: Uint8Array): Buffer {
  return derElement(TAG.set, element);
}

/** INTEGER, not negative, from its big-endian bytes. */
export function derUnsigned(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return derElement(TAG.integer, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
    bytes.push(...digits);
  }
  return derElement(TAG.objectIdentifier, Buffer.from(bytes));
}

/** BOOLEAN true; false is a default that DER leaves out. */
export const DER_TRUE = derElement(TAG.boolean, Buffer.from([0xff]));

/** OCTET STRING. */
export function derOctets(content: Uint8Array): Buffer {
  return derElement(TAG.octetString, content);
}

/** BIT STRING. @param unusedBits bits of the last byte that do not count, 0 to 7 */
export function derBits(content: Uint8Array, unusedBits = 0): Buffer {
  return derElement(TAG.bitString, Buffer.concat([Buffer.from([unusedBits]), content]));
}

/** UTF8String. */
export function derText(text: string): Buffer {
  return derElement(TAG.utf8String, Buffer.from(text, 'utf8'));
}

/** Time as RFC 5280 writes it, to the second: UTCTime until 2049, GeneralizedTime from 2050. */
export function derTime(time: Date): Buffer {
  const digits = time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return time.getUTCFullYear() < 2050
    ? derElement(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : derElement(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}

/**
 * The elements inside a constructed element, each whole (tag and length included).
 *
 * @throws RangeError where lengths do not add up
 */
export function derElements(element: Buffer): Buffer[] {
  const { start, end } = content(element, 0);
  const elements: Buffer[] = [];
  for (let at = start; at < end;) {
    const next = content(element, at).end;
    if (next > end) throw new RangeError('DER: an element is longer than the one around it');
    elements.push(element.subarray(at, next));
    at = next;
  }
  return elements;
}

/** Where an element's content starts and ends. */
function content(bytes: Buffer, at: number): { start: number; end: number } {
  let length = bytes.readUInt8(at + 1);
  let start = at + 2;
  if (length >= 0x80) {
    const digits = length & 0x7f;
    length = bytes.readUIntBE(start, digits);
    start += digits;
  }
  if (start + length > bytes.length) throw new RangeError('DER: an element is longer than what is there');
  return { start, end: start + length };
}
