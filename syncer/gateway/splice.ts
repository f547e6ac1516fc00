import type { Socket } from 'node:net';

/** Idle limits of a pair of joined sockets, in milliseconds. */
export interface SpliceLimits {
  /** Nothing moved in either direction. @default 4 hours, as a kubelet's streaming connections */
  readonly idleMs?: number;
  /** Nothing moved after one side has ended its half. @default 10 minutes */
  readonly halfClosedIdleMs?: number;
}

const HOUR = 3_600_000;

/**
 * Joins two sockets both ways with back-pressure. The end of one direction is passed on as such while the other goes on
 * (half-close); a broken side breaks the other; a pair that stays idle is closed.
 *
 * @returns resolves when both sockets are closed
 */
export function splice(a: Socket, b: Socket, limits: SpliceLimits = {}): Promise<void> {
  const { idleMs = 4 * HOUR, halfClosedIdleMs = HOUR / 6 } = limits;
  let closed = 0;
  return new Promise((resolve) => {
    const join = (from: Socket, to: Socket): void => {
      // An HTTP server that has handed the socket over may still destroy it on its own timeout.
      from.removeAllListeners('timeout');
      from.setTimeout(idleMs);
      from.on('timeout', () => {
        // Quiet on one side only is not idle: a download keeps the other busy. Its own timer asks again.
        const quietest = Math.min(from.timeout ?? idleMs, to.timeout ?? idleMs);
        if (Date.now() - lastMoved < quietest) return void from.setTimeout(from.timeout ?? idleMs);
        from.destroy();
        to.destroy();
      });
      from.on('data', () => (lastMoved = Date.now()));
      from.on('error', () => to.destroy());
      from.on('end', () => {
        from.setTimeout(halfClosedIdleMs);
        to.setTimeout(halfClosedIdleMs);
      });
      from.on('close', () => {
        // A clean close has ended both halves; then the other side may still be flushing what it was given.
        if (!from.readableEnded || !from.writableFinished) to.destroy();
        closed += 1;
        if (closed === 2) resolve();
      });
      from.pipe(to);
    };
    let lastMoved = Date.now();
    join(a, b);
    join(b, a);
    // Either may have gone between the answer and the joining; its `close` will not come again.
    if (a.destroyed) b.destroy();
    if (b.destroyed) a.destroy();
    if (a.closed) closed += 1;
    if (b.closed) closed += 1;
    if (closed === 2) resolve();
  });
}
