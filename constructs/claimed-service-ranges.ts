import type { Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { ConfigurationProblem } from '../syncer/configuration';

const rangesByChart = new WeakMap<Chart, { readonly range: string; readonly owner: IConstruct }>();

/**
 * Says what is the host's range of Service addresses. A chart is applied to one host, which has one: the clusters in it cannot have
 * different ones.
 */
export function serviceRangeProblems(chart: Chart, owner: IConstruct, range: string): ConfigurationProblem[] {
  const first = rangesByChart.get(chart) ?? { range, owner };
  rangesByChart.set(chart, first);
  if (first.range === range) return [];
  const message = `is another range than ${first.range} of ${first.owner.node.path} in the same chart, and a host has one: give the host's range to both, or leave it out`;
  return [{ field: 'serviceCIDR', value: range, message }];
}
