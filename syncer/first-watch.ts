import type { Metrics } from './engine';

/** What is needed of a cache. */
interface Watched {
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/**
 * Seconds from the start of the process until the first of these caches had its whole list, which is when it asks for its
 * watch. Then kept as the gauge `nestling_start_to_first_watch_seconds`.
 *
 * @returns the seconds; rejects when the signal aborts before
 */
export async function firstWatch(metrics: Metrics, caches: Iterable<Watched>, signal: AbortSignal): Promise<number> {
  await Promise.race([...caches].map((cache) => cache.whenSynced(signal)));
  const seconds = process.uptime();
  // Made now: a gauge without labels would show 0 until it is set.
  metrics
    .gauge('nestling_start_to_first_watch_seconds', 'Time from the start of the process to the first watch.', [])
    .set(seconds);
  return seconds;
}
