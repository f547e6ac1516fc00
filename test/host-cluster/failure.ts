/**
 * What went wrong with the test bed, told in one sentence: the thing, its value and the remedy.
 * The command line prints only the message of these and the stack of everything else.
 */
export class HostClusterError extends Error {
  /**
   * @param problem what is wrong, naming the thing and its value
   * @param remedy what to do about it
   */
  constructor(
    readonly problem: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${problem}; ${remedy}`, options);
    this.name = 'HostClusterError';
  }
}

/** The work was given up because a signal or the caller asked for it. */
export class InterruptedError extends Error {
  constructor(message = 'interrupted') {
    super(message);
    this.name = 'InterruptedError';
  }
}
