import type { Command } from 'commander';
import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlanePod } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import type { Flags } from '../command';
import type { Context } from '../context';
import { Failure, UsageFailure } from '../failure';
import { findCluster } from '../virtual-clusters';

const DEFAULT_CONTAINER_ANNOTATION = 'kubectl.kubernetes.io/default-container';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .option('-c, --container <name>', 'container of its control plane; else the syncer')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-p, --previous', 'of the container that ran before the last restart')
    .option('--tail <lines>', 'only the last lines')
    .option('--replica <number>', 'which pod of the control plane', '0');
}

export async function run(
  { host: openHost, output, signal }: Context,
  [given]: readonly unknown[],
  flags: Flags,
): Promise<void> {
  const host = await openHost();
  const { name, namespace, status } = await findCluster(host, String(given), signal);
  const pod = controlPlanePod(name, whole('--replica', flags['replica']));
  let found: Pod;
  try {
    found = await host.client.get<Pod>(resources.pods, { namespace, name: pod, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    const remedy =
      status === 'Paused' ? `it is paused: nestling resume ${name}` : `see nestling describe ${name} -n ${namespace}`;
    throw new Failure(`pod ${namespace}/${pod} is not there: ${remedy}`, { cause: error });
  }
  const containers = [...(found.spec?.initContainers ?? []), ...(found.spec?.containers ?? [])].map((one) => one.name);
  const container = String(
    flags['container'] ?? found.metadata?.annotations?.[DEFAULT_CONTAINER_ANNOTATION] ?? 'syncer',
  );
  if (!containers.includes(container)) {
    throw new UsageFailure(`--container ${container} is not in pod ${pod}: choose one of ${containers.join(', ')}`);
  }
  const query = {
    container,
    follow: flags['follow'] === true || undefined,
    previous: flags['previous'] === true || undefined,
    tailLines: flags['tail'] === undefined ? undefined : whole('--tail', flags['tail']),
  };
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log?${parameters.toString()}`;
  const { status: code, body } = await host.client.request('GET', path, { signal });
  if (code !== 200) {
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    throw ApiError.fromAnswer(code, Buffer.concat(chunks).toString('utf8'), undefined);
  }
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) output.raw(decoder.decode(chunk as Buffer, { stream: true }));
  } catch (error) {
    // Ctrl-C is how one stops to follow.
    if (!signal.aborted) throw error;
    signal.throwIfAborted();
  }
}

function whole(flag: string, value: unknown): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new UsageFailure(`${flag} ${String(value)} is no number: write a whole one, 0 or more`);
}
