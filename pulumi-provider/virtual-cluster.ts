import * as k8s from '@pulumi/kubernetes';
import {
  ComponentResource,
  output,
  Resource,
  secret,
  unsecret,
  type ComponentResourceOptions,
  type CustomResource,
  type Inputs,
  type Output,
} from '@pulumi/pulumi';
import { parse } from 'yaml';
import { controlPlaneObjects, type KubernetesObject } from '../constructs/control-plane';
import { resolveSpec, type VirtualClusterSpec } from '../constructs/spec';
import { controlPlaneNames, problemLine } from '../syncer/configuration';
import type { LaterProps, VirtualClusterArgs } from './args';
import { hostResource } from './host-resource';
import { knownParts, partAt } from './known-parts';
import { wrongArguments } from './wrong-arguments';

/** Two choices of what may be known later, which differ in each: what comes out equal for both depends on none of them. */
const SAMPLES: readonly [Required<LaterProps>, Required<LaterProps>] = [
  { namespace: 'known-later', serviceCIDR: '10.0.0.0/16', apiServerNames: ['known.later'] },
  { namespace: 'not-known-yet', serviceCIDR: '10.1.0.0/16', apiServerNames: ['not-known.yet'] },
];

/**
 * A virtual Kubernetes cluster in a namespace of the host cluster, which the `kubernetes` provider leads to. The same settings give the
 * same objects as the construct of that name.
 *
 * @example
 * const team = new k8s.core.v1.Namespace('team-a');
 * const cluster = new VirtualCluster('my-vc1', { namespace: team.metadata.name });
 * new k8s.core.v1.Namespace('shop', {}, { provider: cluster.provider });
 */
export class VirtualCluster extends ComponentResource {
  /** Address of the virtual API server, as the kubeconfig has it. */
  readonly endpoint: Output<string>;
  /** Kubeconfig of a cluster admin for clients outside of the host, a secret; there once the API server is ready. */
  readonly kubeconfig: Output<string>;
  /**
   * Provider for what lives in the virtual cluster. It waits for the API server, and is replaced only when the cluster is: another address or
   * certificate is an update.
   */
  readonly provider: k8s.Provider;
  /** Name of the virtual cluster. */
  readonly clusterName: string;
  /** Secret in the host namespace with the kubeconfigs, which the syncer writes. */
  readonly kubeconfigSecretName: string;

  /** @throws ResourceError for arguments that are wrong, all at once, each with its name, value and remedy */
  constructor(name: string, args: VirtualClusterArgs, options?: ComponentResourceOptions) {
    super('nestling:index:VirtualCluster', name, {}, options);
    this.clusterName = args.name ?? name;
    const names = controlPlaneNames(this.clusterName);
    this.kubeconfigSecretName = names.kubeconfig;

    const [one, other] = SAMPLES.map((sample) => this.#objects(args, withKnown(args, sample)));
    const later = output(laterArgs(args)).apply((given) => this.#objects(args, given as unknown as LaterProps));
    const resources = new Map<string, CustomResource>();
    // What the pod needs is there before it. Services are not waited for, as they wait for the pod.
    const before: Resource[] = policiesOf(args);
    for (const [id, object] of one ?? []) {
      const content = knownParts(object, other?.get(id), (path) => later.apply((all) => partAt(all.get(id), path)));
      const resource = hostResource(`${name}-${id}`, content as { apiVersion: string; kind: string }, {
        parent: this,
        // A change of the claim would replace the StatefulSet, and its volume with it.
        ...(id === 'stateful-set' && { dependsOn: [...before], ignoreChanges: ['spec.volumeClaimTemplates'] }),
      });
      resources.set(id, resource);
      if (object.kind !== 'Service') before.push(resource);
    }
    const { anchor, 'stateful-set': pod } = Object.fromEntries(resources) as Record<string, CustomResource>;

    // The syncer writes it before the pod is ready. That its name comes from the pod's makes a first preview not look for it.
    const id = output([pod!.id, args.namespace]).apply(([, namespace]) => `${namespace}/${names.kubeconfig}`);
    const written = k8s.core.v1.Secret.get(`${name}-kubeconfig`, id, { parent: this });
    this.kubeconfig = secret(written.data.apply((data) => Buffer.from(data['config'] ?? '', 'base64').toString()));
    this.endpoint = unsecret(this.kubeconfig.apply(serverOf));
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: this.kubeconfig,
        // The anchor is the cluster's own for as long as it lives.
        clusterIdentifier: (anchor as k8s.core.v1.ConfigMap).metadata.apply(({ uid }) => uid),
      },
      { parent: this },
    );
    this.registerOutputs({ endpoint: this.endpoint, kubeconfig: this.kubeconfig, provider: this.provider });
  }

  #objects(args: VirtualClusterArgs, later: LaterProps): ReadonlyMap<string, KubernetesObject> {
    return controlPlaneObjects(this.#spec(args, later));
  }

  #spec(args: VirtualClusterArgs, later: LaterProps): VirtualClusterSpec {
    const resolved = resolveSpec({ ...args, ...defined(later), namespace: later.namespace ?? '' } as never, {
      id: this.clusterName,
    });
    if (resolved.ok) return resolved.spec;
    throw wrongArguments(this, resolved.problems.map(problemLine));
  }
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
    namespace: typeof namespace === 'string' ? namespace : sample.namespace,
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
