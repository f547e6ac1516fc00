import type { VirtualClusterProps } from '../constructs';
import type { AnyObject } from '../syncer/kube-client';
import { Failure } from './failure';

/**
 * The host objects of a virtual cluster, as the construct writes them.
 *
 * @throws Failure with everything that is wrong with its properties
 */
export async function clusterObjects(
  name: string,
  namespace: string,
  props: VirtualClusterProps,
): Promise<AnyObject[]> {
  const { App, Chart } = await import('cdk8s');
  const { VirtualCluster } = await import('../constructs/index.js');
  const app = new App();
  const chart = new Chart(app, 'nestling', { namespace, disableResourceNameHashes: true });
  try {
    new VirtualCluster(chart, name, { ...props, name, namespace });
    // Validates, which toJson does not.
    app.synthYaml();
  } catch (error) {
    const lines = (error as Error).message.split('\n').map((line) => line.trim());
    // cdk8s puts the construct's path before each problem.
    const problems = lines.filter((line) => line.startsWith('[')).map((line) => line.replace(/^\[[^\]]*\] /, ''));
    throw new Failure((problems.length > 0 ? problems : lines).join('\n  '), { cause: error });
  }
  return chart.toJson() as AnyObject[];
}
