import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { HostCluster, HostClusterError, InterruptedError, standardErrorLog, withElapsedTime } from '.';
import { describeStatus } from './status';
import { DEFAULT_NAME, DEFAULT_NETWORK, defaultName, MAXIMUM_NODES } from './plan';

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('use a whole number');
  return Number(text);
}

const collect = (value: string, previous: readonly string[]): string[] => [...previous, value];

function program(): Command {
  const root = new Command('npm run host --')
    .description(
      'A real Kubernetes cluster in namespaces of this machine: the host that virtual clusters are tried on.',
    )
    .showHelpAfterError('(add --help to see the commands and options)')
    .addHelpText(
      'after',
      `
Environment:
  NESTLING_BINARIES  folder with programs (kubelet, etcd ...) that come before all others
  NESTLING_CACHE     where programs and images are kept (default: ~/.cache/nestling)
  NESTLING_HOST_NAME the name of the host cluster where --name is not given (default: ${DEFAULT_NAME})
  NESTLING_DOWNLOAD  "off" builds programs from source instead of downloading releases`,
    );
  const named = (command: Command): Command =>
    command.option('--name <name>', 'which host cluster', defaultName()).allowExcessArguments(false);

  named(root.command('up'))
    .description('start it and wait until it is ready; says so when it runs already')
    .option('--nodes <number>', `how many nodes, 1 to ${MAXIMUM_NODES} (default: 1)`, wholeNumber)
    .option('--image <archive>', 'OCI archive to import into every node (again for more)', collect, [])
    .option('--network <range>', 'IPv4 range that all host clusters of this machine share', DEFAULT_NETWORK)
    .action(async (options: { name: string; nodes?: number; image: string[]; network: string }) => {
      const { name, nodes, image: images, network } = options;
      const log = withElapsedTime(standardErrorLog);
      const cluster = await HostCluster.up({ name, ...(nodes !== undefined && { nodes }), images, network, log });
      log(`host cluster ${name} is ready: kubectl --kubeconfig ${cluster.kubeconfigPath} get nodes`);
    });

  named(root.command('down'))
    .description('remove it with everything it made')
    .action(async ({ name }: { name: string }) => HostCluster.down(name, withElapsedTime(standardErrorLog)));

  root
    .command('status')
    .description('show host clusters with their nodes, addresses and processes; exit code 1 when one is broken')
    .option('--name <name>', 'only this one')
    .allowExcessArguments(false)
    .action(async ({ name }: { name?: string }) => {
      const { text, healthy } = await describeStatus(name);
      process.stdout.write(text);
      if (!healthy) process.exitCode = 1;
    });

  named(root.command('kubeconfig'))
    .description('print the path of its kubeconfig')
    .option('--content', 'print the content instead')
    .action(({ name, content }: { name: string; content?: boolean }) => {
      const { kubeconfigPath } = HostCluster.attach(name);
      process.stdout.write(content ? readFileSync(kubeconfigPath, 'utf8') : `${kubeconfigPath}\n`);
    });
  return root;
}

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    if (error instanceof InterruptedError) {
      const signal = error.message as keyof typeof constants.signals;
      process.exitCode = 128 + (constants.signals[signal] ?? constants.signals.SIGINT);
      return;
    }
    process.stderr.write(
      `error: ${error instanceof HostClusterError ? error.message : ((error as Error).stack ?? String(error))}\n`,
    );
    process.exitCode = 1;
  }
}

void main();
