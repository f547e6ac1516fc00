import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import type { Construct } from 'constructs';
import type { HostObjectName } from './claimed-names';
import type { KubernetesObject } from './control-plane';

/** Adds an object of the host to a construct. Its metadata is complete: neither cdk8s nor the chart adds a name or namespace of its own. */
export function addHostObject(scope: Construct, id: string, object: KubernetesObject): ApiObject {
  const added = new ApiObject(scope, id, { ...object } as ConstructorParameters<typeof ApiObject>[2]);
  // cdk8s gives the chart's namespace to whatever has none, kinds without namespaces too.
  if (object.metadata?.namespace === undefined && Chart.of(scope).namespace !== undefined) {
    added.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
  }
  return added;
}

/** What an object is called on the host. */
export function hostObjectName(object: KubernetesObject): HostObjectName {
  return {
    kind: object.kind ?? '',
    namespace: object.metadata?.namespace ?? '',
    name: object.metadata?.name ?? '',
  };
}
