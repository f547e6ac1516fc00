import type { Command } from 'commander';
import { connectionOf } from '../connected-context';
import { disconnect } from '../connection';
import type { Context } from '../context';
import { Failure, UsageFailure } from '../failure';
import { kubeconfigFiles, readKubeconfig } from '../kubeconfig';

export function describe(command: Command): void {
  command
    .argument('[name]', 'name of the virtual cluster; else the one of the current context')
    .addHelpText(
      'after',
      '\nMakes the context current that was so before, and ends what forwards a port. Asks no cluster.',
    );
}

export async function run({ output, hostFlags }: Context, [given]: readonly unknown[]): Promise<void> {
  const kubeconfig = await readKubeconfig(kubeconfigFiles(hostFlags.kubeconfig), hostFlags.kubeconfig !== undefined);
  const connected = [...kubeconfig.contexts].flatMap(([name, { entry }]) => {
    const connection = connectionOf(entry);
    return connection === undefined ? [] : [{ name, ...connection }];
  });
  const { namespace, context: parent } = hostFlags;
  const matches = connected.filter(
    (one) =>
      (given === undefined ? one.name === kubeconfig.currentContext : one.cluster === given) &&
      (namespace === undefined || one.namespace === namespace) &&
      (parent === undefined || one.parent === parent || one.name === parent),
  );
  if (matches.length > 1) {
    const places = matches.map((one) => `${one.namespace} (context ${one.parent})`).join(', ');
    throw new UsageFailure(
      `you are connected to ${matches.length} virtual clusters ${String(given)}: choose one with --namespace or --context: ${places}`,
    );
  }
  const [found] = matches;
  if (found === undefined) {
    const known = connected.map((one) => `${one.cluster} in ${one.namespace}`).join(', ');
    const instead = known === '' ? 'there is no connection' : `there are: ${known}`;
    throw new Failure(
      given === undefined
        ? `the current context ${kubeconfig.currentContext ?? '(none)'} leads to no virtual cluster (${instead}): name one`
        : `you are not connected to virtual cluster ${String(given)} (${instead}): check the name`,
    );
  }
  const { current, stopped } = await disconnect({ kubeconfig }, found.name);
  const { cluster } = found;
  output.result(
    { name: cluster, namespace: found.namespace, context: found.name, current: current ?? null, stopped },
    () =>
      current === undefined
        ? `disconnected from ${cluster}; no context is current: choose one with kubectl config use-context`
        : `disconnected from ${cluster}; the current context is ${current}`,
  );
}
