/** Where progress goes: one line per call, without its line end. */
export type Log = (line: string) => void;

/** The log of the command line: standard error, so that standard output stays clean for results. */
export const standardErrorLog: Log = (line) => void process.stderr.write(`${line}\n`);

/**
 * Puts the seconds since its creation in front of every line.
 *
 * @param log where the lines go
 */
export function withElapsedTime(log: Log): Log {
  const started = performance.now();
  return (line) => log(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${line}`);
}

/**
 * Says every `seconds` that something long is still going on, until the returned function is called.
 *
 * @param log where the lines go
 * @param seconds between two lines
 * @param line what to say, given the whole seconds since the start
 */
export function repeatWhileBusy(log: Log, seconds: number, line: (elapsedSeconds: number) => string): () => void {
  const started = performance.now();
  const timer = setInterval(() => log(line(Math.round((performance.now() - started) / 1000))), seconds * 1000);
  return () => clearInterval(timer);
}
