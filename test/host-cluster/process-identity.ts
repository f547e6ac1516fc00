import { readFileSync } from 'node:fs';

/** A process that can be told from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's. */
  readonly startTicks: string;
  /** The machine's start: ticks of another one mean nothing. */
  readonly bootId: string;
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** State letter and start of a process; undefined when there is none. */
function stat(pid: number): { state: string; startTicks: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything: count the fields from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state !== undefined && startTicks !== undefined ? { state, startTicks } : undefined;
}

/** The identity of a living process; undefined when there is none of that number. */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = stat(pid);
  return found && { pid, startTicks: found.startTicks, bootId: bootId() };
}

/** Whether that very process still runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  const found = stat(identity.pid);
  return (
    found !== undefined &&
    found.startTicks === identity.startTicks &&
    found.state !== 'Z' &&
    identity.bootId === bootId()
  );
}

/** Sends a signal to that very process; does nothing when it is gone, whoever has its number now. */
export function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
