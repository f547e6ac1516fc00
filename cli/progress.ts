import type { TextStream } from './output';

const REDRAW_MS = 1000;

/** What a command is at, for who waits for it. On standard error, so that results can be piped. */
export interface Progress {
  /** What is being waited for now. A terminal shows it in place of the last one, with the seconds that it took so far. */
  waiting(text: string): void;
  /** What has happened: a line that stays. */
  note(text: string): void;
  /** Takes the line of what is waited for away. */
  clear(): void;
}

/** Progress on a terminal, where there is one, else plain lines: one each time that the text changes. */
export function progressOn(stream: TextStream, now: () => number = Date.now): Progress {
  return stream.isTTY === true ? new TerminalProgress(stream, now) : new LineProgress(stream);
}

class LineProgress implements Progress {
  #last = '';

  constructor(private readonly stream: TextStream) {}

  waiting(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    this.stream.write(`${text}\n`);
  }

  note(text: string): void {
    this.#last = '';
    this.stream.write(`${text}\n`);
  }

  clear(): void {
    this.#last = '';
  }
}

class TerminalProgress implements Progress {
  #text: string | undefined;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly stream: TextStream,
    private readonly now: () => number,
  ) {}

  waiting(text: string): void {
    if (this.#text === undefined) this.#since = this.now();
    this.#text = text;
    this.#draw();
    // Must not keep a program alive that has nothing else to do.
    this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  note(text: string): void {
    const waiting = this.#text;
    if (waiting !== undefined) this.stream.write('\r\u001b[K');
    this.stream.write(`${text}\n`);
    if (waiting !== undefined) this.#draw();
  }

  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#text !== undefined) this.stream.write('\r\u001b[K');
    this.#text = undefined;
  }

  #draw(): void {
    const seconds = Math.floor((this.now() - this.#since) / 1000);
    const whole = `${this.#text}${seconds > 0 ? ` (${seconds} s)` : ''}`;
    // A line that wraps cannot be taken back.
    const width = Math.max(20, (this.stream.columns ?? 80) - 1);
    this.stream.write(`\r\u001b[K${whole.length > width ? `${whole.slice(0, width - 1)}…` : whole}`);
  }
}
