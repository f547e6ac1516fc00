/** Longest line taken: the API server stores no object above 3 MiB, so this is never a real event. */
const defaultLimit = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into lines. It looks for the newline byte before it decodes, since that byte is never part of
 * a multi-byte UTF-8 character: chunks may end anywhere. Holds at most one unfinished line.
 */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #size = 0;

  /** @param limit longest line, in bytes */
  constructor(private readonly limit = defaultLimit) {}

  /**
   * The lines that a chunk completes, without newline; empty ones are skipped.
   * @throws RangeError when a line is longer than the limit
   */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start < chunk.length) {
      this.#size += chunk.length - start;
      this.#check(this.#size);
      // A view, not a copy: node:http2 and node:http give each chunk memory of its own.
      this.#parts.push(chunk.subarray(start));
    }
  }

  /** What is left when the stream ends: a line without newline, or nothing. */
  end(): string {
    return this.#take(new Uint8Array(0));
  }

  #take(last: Uint8Array): string {
    this.#check(this.#size + last.length);
    if (this.#parts.length === 0) return Buffer.from(last.buffer, last.byteOffset, last.length).toString('utf8');
    const line = Buffer.concat([...this.#parts, last]).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    return line;
  }

  #check(size: number): void {
    if (size > this.limit) {
      this.#parts = [];
      this.#size = 0;
      throw new RangeError(`a line of the stream is longer than ${this.limit} bytes`);
    }
  }
}
