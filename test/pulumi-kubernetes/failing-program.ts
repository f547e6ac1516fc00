/**
 * `failing-program.ts HOME KUBECONFIG [REPLICAS [plugin]]`: runs a program with a virtual cluster that cannot be made, and writes what the engine
 * tells about it, a line of JSON each. In a process of its own, as a test's would take the errors for its own.
 */
import * as k8s from '@pulumi/kubernetes';
import { VirtualCluster } from '../../pulumi-provider';
import { Engine } from './engine';
import { PluginCluster } from './plugin-cluster';

async function main([home = '', kubeconfig = '', replicas, plugin]: readonly string[]): Promise<void> {
  const engine = await Engine.at(home);
  const stack = await engine.stack('failing', () => {
    const provider = new k8s.Provider('host', { kubeconfig });
    const dns = replicas === undefined ? {} : { dns: { replicas: Number(replicas) } };
    const args = { namespace: 'default', ...dns };
    if (plugin === undefined) new VirtualCluster('my-vc1', args, { provider });
    else new PluginCluster('my-vc1', args, { providers: [provider] });
    return Promise.resolve();
  });
  const tell = (told: object): boolean => process.stdout.write(`${JSON.stringify(told)}\n`);
  try {
    await stack.up({
      color: 'never',
      onEvent: ({ diagnosticEvent }) => {
        if (diagnosticEvent?.severity === 'error') tell({ urn: diagnosticEvent.urn, message: diagnosticEvent.message });
      },
    });
    tell({ message: 'made' });
  } catch {
    tell({ message: 'failed' });
  }
  await stack.destroy();
  process.exit(0);
}

void main(process.argv.slice(2));
