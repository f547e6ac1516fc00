import { type ClientHttp2Stream, constants } from 'node:http2';
import { Readable } from 'node:stream';

/**
 * Body of an answer. A stream of node:http2 counts as closed as soon as the last frame is here, read or not, and async iterators
 * and `pipeline` then take what is unread for lost (seen with Node.js 24.21): so it is never handed out itself.
 */
export class Http2Body extends Readable {
  readonly #stream: ClientHttp2Stream;

  /** @param failure error to report when the stream ends in the middle */
  constructor(stream: ClientHttp2Stream, failure: () => Error) {
    super({ highWaterMark: 64 * 1024 });
    this.#stream = stream;
    let ended = false;
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.once('end', () => {
      ended = !stream.aborted;
      if (ended) this.push(null);
    });
    stream.once('error', (error) => this.destroy(error));
    stream.once('close', () => {
      if (!ended) this.destroy(failure());
    });
    // Whoever reads hears of errors; when nobody does, there is nobody to tell.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    // Left before its end: the server need not send the rest.
    if (!this.#stream.destroyed) {
      this.#stream.close(constants.NGHTTP2_CANCEL);
      this.#stream.destroy();
    }
    callback(error);
  }
}
