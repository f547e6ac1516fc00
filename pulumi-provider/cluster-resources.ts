import * as k8s from '@pulumi/kubernetes';
import {
  output,
  Resource,
  secret,
  unsecret,
  type ComponentResource,
  type CustomResource,
  type Inputs,
  type Output,
} from '@pulumi/pulumi';
import { parse } from 'yaml';
import { controlPlaneObjects, type KubernetesObject } from '../constructs/control-plane';
import { resolveSpec } from '../constructs/spec';
import { controlPlaneNames, type ConfigurationProblem } from '../syncer/configuration';
import type { LaterProps, VirtualClusterArgs } from './args';
import { hostResource } from './host-resource';
import { knownParts, partAt } from './known-parts';

/** Two choices of what may be known later, which differ in each: what comes out equal for both depends on none of them. */
const SAMPLES: readonly [Required<LaterProps>, Required<LaterProps>] = [
  { namespace: 'known-later', serviceCIDR: '10.0.0.0/16', apiServerNames: ['known.later'] },
  { namespace: 'not-known-yet', serviceCIDR: '10.1.0.0/16', apiServerNames: ['not-known.yet'] },
];

/** What a cluster gives to those who declare it. */
export interface ClusterOutputs {
  /** Address of the virtual API server, as the kubeconfig has it. */
  readonly endpoint: Output<string>;
  /** Kubeconfig of a cluster admin, a secret. */
  readonly kubeconfig: Output<string>;
  /** Provider for what lives in the virtual cluster. */
  readonly provider: k8s.Provider;
  /** Name of the virtual cluster. */
  readonly clusterName: string;
  /** Secret in the host namespace with the kubeconfigs. */
  readonly kubeconfigSecretName: string;
}

/**
 * Registers the host objects of a virtual cluster as children of a component, and what leads into it.
 *
 * @param name of the component
 * @param refuse makes the error of arguments that are wrong
 * @throws what `refuse` makes, with all problems at once
 */
export function registerCluster(
  owner: ComponentResource,
  name: string,
  args: VirtualClusterArgs,
  refuse: (problems: readonly ConfigurationProblem[]) => Error,
): ClusterOutputs {
  const clusterName = args.name ?? name;
  const names = controlPlaneNames(clusterName);
  const objectsFor = (later: LaterProps): ReadonlyMap<string, KubernetesObject> => {
    const props = { ...args, ...defined(later), namespace: later.namespace ?? '' } as never;
    const resolved = resolveSpec(props, { id: clusterName });
    if (resolved.ok) return controlPlaneObjects(resolved.spec);
    throw refuse(resolved.problems);
  };

  const [one, other] = SAMPLES.map((sample) => objectsFor(withKnown(args, sample)));
  const later = output(laterArgs(args)).apply((given) => objectsFor(given as unknown as LaterProps));
  const resources = new Map<string, CustomResource>();
  // What the pod needs is there before it. Services are not waited for, as they wait for the pod.
  const before: Resource[] = policiesOf(args);
  for (const [id, object] of one ?? []) {
    const content = knownParts(object, other?.get(id), (path) => later.apply((all) => partAt(all.get(id), path)));
    const resource = hostResource(`${name}-${id}`, content as { apiVersion: string; kind: string }, {
      parent: owner,
      // A change of the claim would replace the StatefulSet, and its volume with it.
      ...(id === 'stateful-set' && { dependsOn: [...before], ignoreChanges: ['spec.volumeClaimTemplates'] }),
      // Until the host has counted what is there, a new quota lets nothing in.
      ...(id === 'quota' && { dependsOn: resources.get('stateful-set')! }),
    });
    resources.set(id, resource);
    if (object.kind !== 'Service') before.push(resource);
  }
  const { anchor, 'stateful-set': pod } = Object.fromEntries(resources) as Record<string, CustomResource>;

  // The syncer writes it before the pod is ready. That its name comes from the pod's makes a first preview not look for it.
  const id = output([pod!.id, args.namespace]).apply(([, namespace]) => `${namespace}/${names.kubeconfig}`);
  const written = k8s.core.v1.Secret.get(`${name}-kubeconfig`, id, { parent: owner });
  const kubeconfig = secret(written.data.apply((data) => Buffer.from(data['config'] ?? '', 'base64').toString()));
  const endpoint = unsecret(kubeconfig.apply(serverOf));
  const provider = new k8s.Provider(
    name,
    {
      kubeconfig,
      // The anchor is the cluster's own for as long as it lives.
      clusterIdentifier: (anchor as k8s.core.v1.ConfigMap).metadata.apply(({ uid }) => uid),
    },
    { parent: owner },
  );
  return { endpoint, kubeconfig, provider, clusterName, kubeconfigSecretName: names.kubeconfig };
}

/** The arguments that may be outputs. */
function laterArgs({ namespace, serviceCIDR, apiServerNames }: VirtualClusterArgs): Inputs {
  return {
    namespace,
    ...(serviceCIDR !== undefined && { serviceCIDR }),
    ...(apiServerNames !== undefined && { apiServerNames }),
  };
}

/** What of those is plain, and a sample for each of the others. */
function withKnown(args: VirtualClusterArgs, sample: Required<LaterProps>): LaterProps {
  const { namespace, serviceCIDR, apiServerNames } = args;
  const namesAreKnown = Array.isArray(apiServerNames) && apiServerNames.every((one) => typeof one === 'string');
  return {
    // Programs in other languages may leave it out, which is wrong and not unknown.
    namespace: typeof namespace === 'string' ? namespace : namespace === undefined ? '' : sample.namespace,
    ...(serviceCIDR !== undefined && {
      serviceCIDR: typeof serviceCIDR === 'string' ? serviceCIDR : sample.serviceCIDR,
    }),
    ...(apiServerNames !== undefined && {
      apiServerNames: namesAreKnown ? (apiServerNames as string[]) : sample.apiServerNames,
    }),
  };
}

/** Components of policies that the cluster shares with others. */
function policiesOf({ sync }: VirtualClusterArgs): Resource[] {
  return [sync?.fromHost?.nodes, sync?.toHost?.ingresses].filter((one) => Resource.isInstance(one));
}

function defined(later: LaterProps): LaterProps {
  return Object.fromEntries(Object.entries(later).filter(([, value]) => value !== undefined));
}

/** The address in a kubeconfig; empty where there is none yet. */
function serverOf(kubeconfig: string): string {
  const { clusters } = (parse(kubeconfig) ?? {}) as { clusters?: readonly { cluster?: { server?: string } }[] };
  return clusters?.[0]?.cluster?.server ?? '';
}
