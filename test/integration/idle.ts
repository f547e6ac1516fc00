import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { TwoClusters } from './two-clusters';

const PODS = 200;
/** Requests that run at the same time while the pods are made. */
const BATCH = 20;

/** What the API servers write for themselves, whoever is idle. */
const THEIR_OWN = /resource="(leases|flowschemas|prioritylevelconfigurations|apiservices)"/;

/**
 * Lets 200 pods, with what they refer to and a Service each, come to rest, and then counts for so many seconds, in the metrics of
 * both API servers, what anybody writes.
 *
 * @returns write requests by `SIDE VERB RESOURCE`, which should be none
 */
export async function writesWhileIdle(seconds: number): Promise<Record<string, number>> {
  const clusters = await TwoClusters.start();
  try {
    const names = Array.from({ length: PODS }, (_, index) => `idle-${index}`);
    for (let start = 0; start < PODS; start += BATCH) {
      await Promise.all(names.slice(start, start + BATCH).map((name) => makePod(clusters, name)));
    }
    await eventually(
      `${PODS} pods run`,
      async () => {
        const pods = await clusters.virtual.list<Pod>(resources.pods, { fieldSelector: 'status.phase=Running' });
        expect(pods.items).toHaveLength(PODS);
        return true;
      },
      300,
    );
    await untilQuiet(clusters);
    const before = await writes(clusters);
    await sleep(seconds * 1000);
    const after = await writes(clusters);
    const changes = [...after].map(([key, count]): [string, number] => [key, count - (before.get(key) ?? 0)]);
    return Object.fromEntries(changes.filter(([, count]) => count !== 0));
  } finally {
    await clusters.stop();
  }
}

async function makePod(clusters: TwoClusters, name: string): Promise<void> {
  const metadata = { name, namespace: 'default' };
  await clusters.virtual.create<ConfigMap>(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  });
  await clusters.createPod(name, { volumes: [{ name: 'v', configMap: { name } }] }, { labels: { app: name } });
}

/** Waits until nothing was written for five seconds. */
async function untilQuiet(clusters: TwoClusters): Promise<void> {
  let before = JSON.stringify([...(await writes(clusters))]);
  await eventually(
    'both sides come to rest',
    async () => {
      await sleep(5_000);
      const now = JSON.stringify([...(await writes(clusters))]);
      const quiet = now === before;
      before = now;
      return quiet;
    },
    120,
  );
}

async function writes({ host, virtual }: TwoClusters): Promise<Map<string, number>> {
  return new Map([...(await writesOf('host', host)), ...(await writesOf('virtual', virtual))]);
}

async function writesOf(side: string, client: KubeClient): Promise<[string, number][]> {
  const text = await client.getText('/metrics');
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('apiserver_request_total{') || THEIR_OWN.test(line)) continue;
    const verb = /verb="(POST|PUT|PATCH|DELETE|APPLY)"/.exec(line)?.[1];
    if (verb === undefined) continue;
    const [, resource = ''] = /resource="([^"]*)"/.exec(line) ?? [];
    const [, subresource = ''] = /subresource="([^"]*)"/.exec(line) ?? [];
    const key = `${side} ${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
  return [...counts];
}
