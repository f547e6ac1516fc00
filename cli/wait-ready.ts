import type { Event, Pod } from 'kubernetes-types/core/v1';
import { controlPlaneNames, controlPlaneSelector } from '../syncer/configuration';
import { ApiError, ConnectionError, labelSelectorOf, resources } from '../syncer/kube-client';
import type { KubeClient } from '../syncer/kube-client';
import { Failure } from './failure';
import type { Progress } from './progress';
import { eventLine, isReady, lastEvent, waitingFor } from './waiting';

/** Without a change for this long, the last event is told. */
const STALLED_MS = 5_000;

/** What to wait for, and how long. */
export interface WaitOptions {
  readonly client: KubeClient;
  readonly name: string;
  readonly namespace: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Seconds after which it is given up. */
  readonly timeoutSeconds: number;
}

/**
 * Waits until a pod of the control plane is ready, which it is once its API answers and its kubeconfig is written. Tells what it waits
 * for, and the last event when nothing changes.
 *
 * @throws Failure when time is up, with what it waited for last
 */
export async function waitReady(options: WaitOptions): Promise<void> {
  const { client, name, namespace, progress, signal, timeoutSeconds } = options;
  const names = controlPlaneNames(name);
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', forward, { once: true });
  if (signal.aborted) forward();
  let text = waitingFor([], names.pod);
  const told = new Set<string>();
  const tellEvent = async (): Promise<void> => {
    try {
      const { items } = await client.list<Event>(resources.events, { namespace, signal });
      const event = lastEvent(
        items,
        new Set([names.statefulSet, ...[0, 1, 2].map((n) => `${name}-${n}`), `data-${names.pod}`]),
      );
      const line = event && eventLine(event);
      if (line === undefined || told.has(line)) return;
      told.add(line);
      progress.note(line);
    } catch {
      // Events are a comfort: whoever may not read them does without.
    }
  };
  let stall: NodeJS.Timeout | undefined;
  const restartStall = (): void => {
    clearInterval(stall);
    stall = setInterval(() => void tellEvent(), STALLED_MS);
  };
  const timeout = setTimeout(() => stop.abort(new TimeUp()), timeoutSeconds * 1000);
  try {
    progress.waiting(`waiting for ${text}`);
    restartStall();
    for await (const pods of podStates(client, name, namespace, stop.signal)) {
      if (pods.some(isReady)) return;
      const now = waitingFor(pods, names.pod);
      if (now === text) continue;
      text = now;
      progress.waiting(`waiting for ${text}`);
      restartStall();
    }
    throw stop.signal.reason as Error;
  } catch (error) {
    if (signal.aborted) throw signal.reason as Error;
    if (!(stop.signal.reason instanceof TimeUp)) throw error;
    await tellEvent();
    throw new Failure(`virtual cluster ${name} was not ready within ${timeoutSeconds} s: it waits for ${text}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timeout);
    clearInterval(stall);
    signal.removeEventListener('abort', forward);
    stop.abort();
    progress.clear();
  }
}

class TimeUp extends Error {}

/** The control plane's pods, at first and after each change. Ends when the signal aborts. */
async function* podStates(
  client: KubeClient,
  name: string,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Pod[], void, undefined> {
  const labelSelector = labelSelectorOf(controlPlaneSelector(name));
  const selected = { namespace, labelSelector, signal };
  while (!signal.aborted) {
    const { items, metadata } = await client.list<Pod>(resources.pods, selected);
    const pods = new Map(items.map((pod) => [pod.metadata?.name ?? '', pod]));
    yield [...pods.values()];
    try {
      for await (const { type, object } of client.watch<Pod>(resources.pods, {
        ...selected,
        resourceVersion: metadata.resourceVersion ?? '',
      })) {
        if (type === 'BOOKMARK') continue;
        if (type === 'DELETED') pods.delete(object.metadata?.name ?? '');
        else pods.set(object.metadata?.name ?? '', object);
        yield [...pods.values()];
      }
    } catch (error) {
      // A watch that was cut, or came too late: look again.
      const again = error instanceof ConnectionError ? error.transient : ApiError.is(error, 'Expired', 'Gone');
      if (!again) throw error;
    }
  }
}
