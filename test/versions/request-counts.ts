import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient, RequestCount } from '../../syncer/kube-client';
import type { InProcessSyncer } from '../integration/in-process-syncer';

/** Time for writes that should not come, in ms: many times what the syncer takes to answer a change. */
const SETTLE_MS = 2_000;

/** Requests by `VERB RESOURCE`, without watches. */
type Cost = Record<string, number>;

/** What the syncer asks of both sides during an action and shortly after it. */
export async function whatItCosts(
  { host, virtual }: InProcessSyncer,
  action: () => Promise<void>,
): Promise<{ readonly host: Cost; readonly virtual: Cost }> {
  const before = { host: snapshot(host), virtual: snapshot(virtual) };
  await action();
  await sleep(SETTLE_MS);
  return { host: since(before.host, host), virtual: since(before.virtual, virtual) };
}

const keyOf = ({ verb, resource }: RequestCount): string => `${verb} ${resource}`;

const snapshot = (client: KubeClient): ReadonlyMap<string, number> =>
  new Map(client.requests.entries().map((entry) => [keyOf(entry), entry.sent]));

function since(before: ReadonlyMap<string, number>, client: KubeClient): Cost {
  const cost = client.requests
    .entries()
    .map((entry): [string, number] => [keyOf(entry), entry.sent - (before.get(keyOf(entry)) ?? 0)]);
  return Object.fromEntries(cost.filter(([key, sent]) => sent > 0 && !key.startsWith('watch ')));
}
