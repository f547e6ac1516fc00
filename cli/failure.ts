/** Codes that the program ends with. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What went wrong, in words for the person at the keyboard: what is named, its value, and what to do. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  /** Code that the program ends with. */
  readonly exitCode: number;

  /**
   * @param message one sentence, such as `namespace "team-a" is not there: create it, or pass --create-namespace`
   * @param options.exitCode @default 1
   */
  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** A command line that cannot be meant. */
export class UsageFailure extends Failure {
  override readonly name = 'UsageFailure';

  constructor(message: string) {
    super(message, { exitCode: EXIT.usage });
  }
}

/** Ctrl-C, or SIGTERM. */
export class Interrupted extends Failure {
  override readonly name = 'Interrupted';

  constructor(message = 'interrupted') {
    super(message, { exitCode: EXIT.interrupted });
  }
}
