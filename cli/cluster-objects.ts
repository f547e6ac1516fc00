import type { VirtualCluster } from '../constructs';
import { controlPlaneNames } from '../syncer/configuration';
import type { AnyObject } from '../syncer/kube-client';
import { Failure } from './failure';
import type { PlainSettings } from './settings-file';

/** On the anchor of a virtual cluster that the command line made: the settings that it was made with, as JSON. */
export const SETTINGS_ANNOTATION = 'nestling.dev/settings';

/** Settings that are not kept there: where a cluster is says its place, and its manifests are in a ConfigMap of their own. */
const NOT_KEPT: ReadonlySet<string> = new Set(['name', 'namespace', 'manifests']);

/** A virtual cluster that is not made yet. */
export interface PlannedCluster {
  readonly construct: VirtualCluster;
  /** Its host objects, as the construct writes them. */
  readonly objects: readonly AnyObject[];
  /** The same objects as YAML. */
  readonly yaml: string;
}

/**
 * The virtual cluster that settings describe.
 *
 * @throws Failure with everything that is wrong with them
 */
export async function planCluster(name: string, namespace: string, settings: PlainSettings): Promise<PlannedCluster> {
  const { App, Chart } = await import('cdk8s');
  const { VirtualCluster } = await import('../constructs/index.js');
  const { propsFromPlain } = await import('./settings-file/index.js');
  const props = propsFromPlain(settings, 'the settings');
  const app = new App();
  const chart = new Chart(app, 'nestling', { namespace, disableResourceNameHashes: true });
  try {
    const construct = new VirtualCluster(chart, name, { ...props, name, namespace });
    // Validates, which toJson does not.
    const yaml = app.synthYaml();
    return { construct, objects: chart.toJson() as AnyObject[], yaml };
  } catch (error) {
    const lines = (error as Error).message.split('\n').map((line) => line.trim());
    // cdk8s puts the construct's path before each problem.
    const problems = lines.filter((line) => line.startsWith('[')).map((line) => line.replace(/^\[[^\]]*\] /, ''));
    throw new Failure((problems.length > 0 ? problems : lines).join('\n  '), { cause: error });
  }
}

/**
 * The host objects with the settings on the anchor, by which later commands know what was asked for. Secrets are only named in settings;
 * of the defaults, the version alone is written down, as the next release has another one.
 */
export function withSettings({ construct, objects }: PlannedCluster, settings: PlainSettings): AnyObject[] {
  const { version } = construct.spec.configuration.virtualCluster;
  const kept = Object.entries({ ...settings, version }).filter(([key]) => !NOT_KEPT.has(key));
  const text = JSON.stringify(Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1))));
  const { anchor } = controlPlaneNames(construct.name);
  return objects.map((object) => {
    if (object.kind !== 'ConfigMap' || object.metadata?.name !== anchor) return object;
    return { ...object, metadata: { ...object.metadata, annotations: { [SETTINGS_ANNOTATION]: text } } };
  });
}
