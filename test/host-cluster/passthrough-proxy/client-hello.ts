/** What a client has said so far: not enough yet, or its greeting with the name of the server that it wants, if it names one. */
export type Greeting = 'incomplete' | { readonly serverName: string | undefined };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
/** Version and random number, which come first in a greeting. */
const FIXED_BYTES = 34;

/**
 * Reads the name in a TLS greeting (ClientHello) from the first bytes of a connection; RFC 8446, sections 4.1.2 and 5.1, and RFC 6066,
 * section 3. What is no greeting names nobody.
 */
export function readGreeting(bytes: Buffer): Greeting {
  const stream = new Fields(bytes);
  const parts: Buffer[] = [];
  let length = 0;
  let wanted: number | undefined;
  // A greeting may be cut into several records.
  while (stream.left >= RECORD_HEADER_BYTES) {
    if (stream.number(1) !== HANDSHAKE_RECORD) return { serverName: undefined };
    stream.take(2); // the version, which means nothing here
    const recordLength = stream.number(2);
    if (stream.left < recordLength) return 'incomplete';
    parts.push(stream.take(recordLength));
    length += recordLength;
    if (length < MESSAGE_HEADER_BYTES) continue;
    if (wanted === undefined) {
      const header = new Fields(Buffer.concat(parts));
      if (header.number(1) !== CLIENT_HELLO) return { serverName: undefined };
      wanted = MESSAGE_HEADER_BYTES + header.number(3);
    }
    if (length < wanted) continue;
    return { serverName: serverNameOf(new Fields(Buffer.concat(parts).subarray(MESSAGE_HEADER_BYTES, wanted))) };
  }
  // Known from the first byte on.
  return stream.left > 0 && stream.number(1) !== HANDSHAKE_RECORD ? { serverName: undefined } : 'incomplete';
}

function serverNameOf(hello: Fields): string | undefined {
  try {
    hello.take(FIXED_BYTES);
    hello.vector(1); // session
    hello.vector(2); // ciphers
    hello.vector(1); // compression
    const extensions = hello.vector(2);
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const content = extensions.vector(2);
      if (type !== SERVER_NAME_EXTENSION) continue;
      const names = content.vector(2);
      if (names.number(1) !== HOST_NAME) return undefined;
      return names.take(names.number(2)).toString('latin1').toLowerCase();
    }
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Bytes that are read from front to back. @throws RangeError where they end too early */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError(`${length} bytes wanted, ${this.left} left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(width: number): number {
    return this.take(width).readUIntBE(0, width);
  }

  /** A part that begins with its own length. */
  vector(width: number): Fields {
    return new Fields(this.take(this.number(width)));
  }
}
