/** No answer, or only a part of one: the connection could not be made, was lost, or time ran out. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The cause's code (`ECONNREFUSED`, …), `TIMEOUT`, `STALLED`, `CLOSED` or `UNKNOWN`. */
  readonly code: string;
  /** Whether the server certainly saw nothing of the request, so that even a create may be tried again. */
  readonly neverSent: boolean;

  constructor(message: string, options: { code: string; neverSent?: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.neverSent = options.neverSent ?? false;
  }

  /** Wraps what the transport threw. @param what was tried, for the message */
  static from(error: unknown, what: string, options: { neverSent?: boolean } = {}): ConnectionError {
    const code = error instanceof ConnectionError ? error.code : errorCode(error);
    const text = messageOf(error);
    return new ConnectionError(`${what}: ${text}${text.includes(code) || code === 'UNKNOWN' ? '' : ` (${code})`}`, {
      code,
      neverSent: options.neverSent ?? (error instanceof ConnectionError ? error.neverSent : connectCodes.has(code)),
      cause: error,
    });
  }

  /** Whether another attempt may succeed: not when the peer's certificate is refused. */
  get transient(): boolean {
    return !this.code.startsWith('ERR_TLS') && !this.code.startsWith('ERR_SSL') && !/CERT|SIGNATURE/.test(this.code);
  }
}

/** Codes of failures to connect: nothing of the request was sent. */
const connectCodes = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

function errorCode(error: unknown): string {
  // Not by class: errors of node's own modules are of another realm under some test runners.
  for (let cause = error, depth = 0; typeof cause === 'object' && cause !== null && depth < 4; depth++) {
    const { code, errors, cause: next } = cause as { code?: unknown; errors?: unknown; cause?: unknown };
    if (typeof code === 'string') return code;
    // Several addresses were tried: the first failure says as much as the others.
    cause = Array.isArray(errors) ? errors[0] : next;
  }
  return 'UNKNOWN';
}

function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : undefined;
  return typeof message === 'string' && message !== '' ? message : String(error);
}
