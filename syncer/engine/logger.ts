import { pino, type Logger as PinoLogger } from 'pino';

/** What the engine needs of a logger; pino's loggers and their children fit. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

/** Levels of the configuration document. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Logger that writes one JSON object per line to stdout, at once: a process that is killed loses no line.
 * An error under the key `err` is written as `describeError` shows it.
 */
export function createLogger(options: { level: LogLevel; name: string }): PinoLogger {
  return pino(
    {
      level: options.level,
      name: options.name,
      // The pod's name and the container's process id say nothing that the log's collector does not know.
      base: { name: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    pino.destination({ dest: 1, sync: true }),
  );
}

/** What a log shows of an error. */
export interface ErrorDescription {
  type: string;
  message: string;
  code?: string | number;
  status?: number;
  reason?: string;
  stack?: string;
  cause?: ErrorDescription;
}

/** Longest text taken from an error, in characters. */
const textLimit = 2048;
const causeLimit = 4;

/**
 * An error for a log. Only known fields are taken (errors of HTTP libraries carry whole requests, tokens included), and
 * what looks like a credential is blanked inside them.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  // By its fields and not by its class: errors of another realm are errors too.
  if (!isError(error)) return { type: typeof error, message: redact(String(error)) };
  const extra = error as Error & { code?: unknown; status?: unknown; reason?: unknown };
  return {
    type: error.name,
    message: redact(error.message),
    ...(typeof extra.code === 'string' || typeof extra.code === 'number' ? { code: extra.code } : {}),
    ...(typeof extra.status === 'number' ? { status: extra.status } : {}),
    ...(typeof extra.reason === 'string' ? { reason: redact(extra.reason) } : {}),
    // Answers of an API server are expected: where they were received helps nobody.
    ...(error.stack !== undefined && typeof extra.status !== 'number' ? { stack: redact(error.stack) } : {}),
    ...(error.cause !== undefined && depth < causeLimit ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

function isError(value: unknown): value is Error {
  return (
    value instanceof Error || (typeof value === 'object' && value !== null && 'message' in value && 'stack' in value)
  );
}

const credentials = [
  /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi,
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

function redact(text: string): string {
  let result = text.length > textLimit ? `${text.slice(0, textLimit)}…` : text;
  for (const pattern of credentials) result = result.replace(pattern, '[redacted]');
  return result;
}
