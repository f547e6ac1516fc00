import { App, Chart, Testing } from 'cdk8s';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Container, PodSpec } from 'kubernetes-types/core/v1';
import { VirtualCluster, type VirtualClusterProps } from '../../../constructs';

/** A synthesized object, as far as tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

/** An app with one chart in namespace team-a. */
export function chartInTeamA(): Chart {
  return new Chart(new App(), 'test', { namespace: 'team-a' });
}

/** The objects of one virtual cluster with these props. */
export function synthesize(props: VirtualClusterProps = {}, id = 'my-vc1'): Manifest[] {
  const chart = chartInTeamA();
  new VirtualCluster(chart, id, props);
  return Testing.synth(chart) as Manifest[];
}

/** What synthesis of the app fails with. */
export function synthesisError(app: App): string {
  try {
    app.synthYaml();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('synthesis succeeded');
}

/** What synthesis of one cluster with these props fails with. */
export function propsError(props: VirtualClusterProps, id = 'my-vc1'): string {
  const chart = chartInTeamA();
  new VirtualCluster(chart, id, props);
  return synthesisError(App.of(chart));
}

/** The object of this kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const manifest = manifests.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
  if (manifest === undefined) throw new Error(`no ${kind} ${name}`);
  return manifest;
}

/** The StatefulSet among the objects. */
export function statefulSetOf(
  manifests: readonly Manifest[],
): StatefulSet & { spec: NonNullable<StatefulSet['spec']> } {
  return manifests.find(({ kind }) => kind === 'StatefulSet') as unknown as ReturnType<typeof statefulSetOf>;
}

/** The control plane's pod. */
export function podOf(manifests: readonly Manifest[]): PodSpec {
  return statefulSetOf(manifests).spec.template.spec as PodSpec;
}

/** A container of the control plane's pod. */
export function containerOf(manifests: readonly Manifest[], name: string): Container {
  const pod = podOf(manifests);
  const container = [...(pod.initContainers ?? []), ...pod.containers].find((candidate) => candidate.name === name);
  if (container === undefined) throw new Error(`no container ${name}`);
  return container;
}

/** Value of a flag, undefined where it is not given. */
export function flag(container: Container, name: string): string | undefined {
  const prefix = `--${name}=`;
  return container.args?.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
}
