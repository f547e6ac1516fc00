import { App, Chart } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import type { ConfigurationProblem } from '../syncer/configuration';
import type { GivenManifest } from './spec';

/** Makes a chart in an app of its own, or takes one that is in an app of its own. */
export function insideChart<T extends Chart>(chart: T | ((scope: Construct) => T), scope: () => Construct): T {
  return typeof chart === 'function' ? chart(scope()) : chart;
}

/** What is wrong with a chart as such; what is wrong in it its own app says. */
export function chartProblems(chart: Chart, cluster: IConstruct): ConfigurationProblem[] {
  const field = fieldOf(chart);
  if (chart.node.root === cluster.node.root) {
    const message =
      'is in the app of the host, which would get its objects, too: make it with addChart((scope) => new MyChart(scope, "apps")), or in another App';
    return [{ field, value: undefined, message }];
  }
  if (!(chart.node.root instanceof App)) {
    const message = 'is in no App: make it with addChart((scope) => new MyChart(scope, "apps"))';
    return [{ field, value: undefined, message }];
  }
  try {
    manifestsOf(chart);
    return [];
  } catch (error) {
    return [{ field, value: undefined, message: `cannot be synthesized: ${(error as Error).message}` }];
  }
}

/** The objects of a chart, and of the charts in it. */
export function manifestsOf(chart: Chart): GivenManifest[] {
  const charts = chart.node.findAll().filter((one) => Chart.isChart(one)) as Chart[];
  return charts.flatMap((one) =>
    one.toJson().map((manifest: unknown, index) => ({ field: `${fieldOf(one)}[${index}]`, manifest })),
  );
}

const fieldOf = (chart: Chart): string => `addChart(${JSON.stringify(chart.node.path)})`;
