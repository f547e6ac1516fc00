import type { Status, StatusDetails } from './object';

/** Reasons of the API server that callers tell apart; others are passed on as they come. */
export type ApiErrorReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'Timeout'
  | 'ServerTimeout'
  | 'TooManyRequests'
  | 'RequestEntityTooLarge'
  | 'MethodNotAllowed'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'ServiceUnavailable';

/** Reasons for answers without a Status body (proxies, health checks) and for Status bodies without a reason. */
const reasonByStatus = new Map<number, ApiErrorReason>([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [405, 'MethodNotAllowed'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [413, 'RequestEntityTooLarge'],
  [415, 'UnsupportedMediaType'],
  [422, 'Invalid'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
]);

/** The API server answered, and the answer is a refusal or a failure. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status code. */
  readonly status: number;
  /** Machine-readable reason (`metav1.StatusReason`), e.g. `NotFound`; derived from the status code when the answer has none. */
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** The server's own words, without the request that `message` puts before them. */
  readonly serverMessage: string;
  /** Seconds the server asks to wait before another attempt (header or Status). */
  readonly retryAfterSeconds: number | undefined;

  constructor(answer: {
    status: number;
    reason?: string | undefined;
    message: string;
    context?: string;
    details?: StatusDetails | undefined;
    retryAfterSeconds?: number | undefined;
  }) {
    super((answer.context ?? '') + answer.message);
    this.serverMessage = answer.message;
    this.status = answer.status;
    this.reason =
      answer.reason !== undefined && answer.reason !== ''
        ? answer.reason
        : (reasonByStatus.get(answer.status) ?? 'Unknown');
    this.details = answer.details;
    this.retryAfterSeconds = answer.retryAfterSeconds ?? answer.details?.retryAfterSeconds;
  }

  /** Whether something thrown is an ApiError, of one of these reasons if any are named. */
  static is(error: unknown, ...reasons: ApiErrorReason[]): error is ApiError {
    return error instanceof ApiError && (reasons.length === 0 || (reasons as string[]).includes(error.reason));
  }

  /** From the Status of a watch's ERROR event. */
  static fromStatus(status: Partial<Status>, context = ''): ApiError {
    const code = typeof status.code === 'number' ? status.code : 500;
    const message =
      typeof status.message === 'string' && status.message !== '' ? status.message : (status.reason ?? `HTTP ${code}`);
    return new ApiError({ status: code, reason: status.reason, message, context, details: status.details });
  }

  /** From an answer's status code, body and headers; a body that is not a Status is quoted, cut at 512 characters. */
  static fromAnswer(code: number, body: string, retryAfter: string | undefined, context = ''): ApiError {
    const parsed = parseStatus(body);
    // Only the delay form: the API server never sends a date.
    const seconds = retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
    if (parsed === undefined) {
      const text = body.trim().slice(0, 512);
      return new ApiError({
        status: code,
        message: text === '' ? `HTTP ${code}` : `HTTP ${code}: ${text}`,
        context,
        retryAfterSeconds: seconds,
      });
    }
    return new ApiError({
      status: code,
      reason: parsed.reason,
      message: parsed.message ?? `HTTP ${code}`,
      context,
      details: parsed.details,
      retryAfterSeconds: seconds,
    });
  }
}

function parseStatus(body: string): Status | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(body) as Partial<Status>;
    return value.kind === 'Status' ? (value as Status) : undefined;
  } catch {
    return undefined;
  }
}
