import { readFileSync } from 'node:fs';

/** Milliseconds after which a token file is read again: the kubelet renews a token at 80 % of its hour. */
const rereadAfter = 60_000;

/** The bearer token of a connection, kept fresh from its file. */
export class BearerToken {
  #token: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly source: { token?: string | undefined; tokenFile?: string | undefined },
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The token to send, if the connection has one.
   * @throws Error naming the file when it was never readable; later failures keep the last token
   */
  get(): string | undefined {
    if (this.source.tokenFile === undefined) return this.source.token;
    if (this.now() - this.#readAt >= rereadAfter) this.#read(this.source.tokenFile);
    return this.#token;
  }

  /** Reads the file again, after the server refused the token. @returns whether the token is another one now */
  refresh(): boolean {
    if (this.source.tokenFile === undefined) return false;
    const before = this.#token;
    this.#read(this.source.tokenFile);
    return this.#token !== before;
  }

  #read(file: string): void {
    this.#readAt = this.now();
    try {
      // Synchronous: a kilobyte from memory, once a minute.
      this.#token = readFileSync(file, 'utf8').trim();
    } catch (error) {
      if (this.#token === undefined) {
        throw new Error(`token file ${file} cannot be read: mount a service account token there`, { cause: error });
      }
    }
  }
}
