/** No answer, or only a part of one: the connection could not be made, was lost, or time ran out. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The cause's code (`ECONNREFUSED`, `UND_ERR_SOCKET`, …), `TIMEOUT` or `UNKNOWN`. */
  readonly code: string;
  /** Whether the server certainly saw nothing of the request, so that even a create may be tried again. */
  readonly neverSent: boolean;

  constructor(message: string, options: { code: string; neverSent?: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.neverSent = options.neverSent ?? false;
  }

  /** Wraps what the transport threw. @param what method and URL */
  static from(error: unknown, what: string): ConnectionError {
    if (error instanceof ConnectionError) return error;
    const code = errorCode(error);
    const text = error instanceof Error && error.message !== '' ? error.message : String(error);
    return new ConnectionError(`${what}: ${text}${text.includes(code) || code === 'UNKNOWN' ? '' : ` (${code})`}`, {
      code,
      neverSent: connectCodes.has(code),
      cause: error,
    });
  }

  /** Whether another attempt may succeed: not when the peer's certificate is refused. */
  get transient(): boolean {
    return !this.code.startsWith('ERR_TLS') && !this.code.startsWith('ERR_SSL') && !/CERT|SIGNATURE/.test(this.code);
  }
}

/** Codes of failures to connect: nothing of the request was sent. */
const connectCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function errorCode(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; depth++) {
    const { code } = cause as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
    // Several addresses were tried: the first failure says as much as the others.
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return 'UNKNOWN';
}
