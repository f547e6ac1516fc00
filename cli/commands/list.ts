import type { Command } from 'commander';
import type { Context } from '../context';
import { age, table } from '../output';
import { contextName, findClusters } from '../virtual-clusters';

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    '\nWithout --namespace those of all namespaces, where you may look at them, else those of the current one.',
  );
}

export async function run({ host: openHost, output, signal }: Context): Promise<void> {
  const host = await openHost();
  const now = Date.now();
  const clusters = (await findClusters(host, signal)).map(({ name, namespace, status, version, created }) => ({
    name,
    namespace,
    status,
    version,
    connected: host.kubeconfig.currentContext === contextName(name, namespace, host.context.name),
    created,
    ageSeconds: Math.max(0, Math.floor((now - Date.parse(created)) / 1000)),
  }));
  output.result(clusters, () =>
    clusters.length === 0
      ? 'no virtual clusters'
      : table(
          ['NAME', 'NAMESPACE', 'STATUS', 'VERSION', 'CONNECTED', 'AGE'],
          clusters.map(({ name, namespace, status, version, connected, ageSeconds }) => [
            name,
            namespace,
            status,
            version,
            connected ? '*' : '',
            age(ageSeconds * 1000),
          ]),
        ),
  );
}
