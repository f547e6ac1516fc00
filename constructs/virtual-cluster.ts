import { ApiObject, App, Chart, Lazy } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import {
  clusterNameProblem,
  controlPlaneNames,
  namespaceNameProblem,
  problemLine,
  type ConfigurationProblem,
} from '../syncer/configuration';
import { API_SERVER_FIELD, claimHosts, hostProblems } from './claimed-hosts';
import { claimNames, contestedName, type HostObjectName } from './claimed-names';
import { serviceRangeProblems } from './claimed-service-ranges';
import { controlPlaneObjects, MANIFESTS_ID, manifestsMap } from './control-plane';
import { IngressSync } from './ingress-sync';
import { addHostObject, hostObjectName } from './host-objects';
import { chartProblems, insideChart, manifestsOf } from './inside-charts';
import {
  manifestProblems,
  resolveSpec,
  type GivenManifest,
  type ResolvedSpec,
  type VirtualClusterProps,
  type VirtualClusterSpec,
} from './spec';

/** A virtual cluster, wherever it is declared. */
export interface IVirtualCluster extends IConstruct {
  /** Name of the virtual cluster. */
  readonly name: string;
  /** Host namespace of the virtual cluster. */
  readonly namespace: string;
  /** Secret in the host namespace with kubeconfigs of a cluster admin. */
  readonly kubeconfigSecretName: string;
  /** Service of the virtual API server in the host namespace, port 443. */
  readonly apiServerServiceName: string;
}

/** Where a virtual cluster is that is declared somewhere else. */
export interface VirtualClusterReferenceProps {
  /** Its host namespace. */
  readonly namespace: string;
}

/**
 * A virtual Kubernetes cluster in a namespace of the host cluster. The namespace itself is not made here, as it may hold several.
 *
 * What is wrong with the props is reported when the app is synthesized: every problem at once, with the construct's path, the
 * property, its value and the remedy.
 *
 * @example
 * new VirtualCluster(chart, 'my-vc1', { namespace: 'team-a' });
 */
export class VirtualCluster extends Construct implements IVirtualCluster {
  /** Name of the virtual cluster. */
  readonly name: string;
  /** Host namespace of the virtual cluster; empty if none was given, which synthesis reports. */
  readonly namespace: string;
  /**
   * Secret in the host namespace with kubeconfigs of a cluster admin, which the syncer writes: `config` for clients outside of the
   * host, `config-inside` for those inside.
   */
  readonly kubeconfigSecretName: string;
  /** Service of the virtual API server in the host namespace, port 443. */
  readonly apiServerServiceName: string;
  /** ServiceAccount of the control plane in the host namespace, as whom the syncer acts on the host. */
  readonly serviceAccountName: string;
  /** ServiceAccount in the host namespace that tenants' pods run as. */
  readonly workloadServiceAccountName: string;

  /**
   * A cluster that is declared somewhere else, to refer to its objects on the host. Nothing is made.
   *
   * @param name name of the virtual cluster
   */
  static fromVirtualClusterName(
    scope: Construct,
    id: string,
    name: string,
    { namespace }: VirtualClusterReferenceProps,
  ): IVirtualCluster {
    class Imported extends Construct implements IVirtualCluster {
      readonly name = name;
      readonly namespace = namespace;
      readonly kubeconfigSecretName = controlPlaneNames(name).kubeconfig;
      readonly apiServerServiceName = controlPlaneNames(name).apiServerService;
    }
    const imported = new Imported(scope, id);
    const problems = [
      { field: 'name', value: name, message: clusterNameProblem(name) },
      { field: 'namespace', value: namespace, message: namespaceNameProblem(namespace) },
    ].flatMap(({ message, ...problem }) => (message === undefined ? [] : [problemLine({ ...problem, message })]));
    if (problems.length > 0) imported.node.addValidation({ validate: () => problems });
    return imported;
  }

  private readonly resolved: ResolvedSpec;
  /** What is to be applied in the virtual cluster, in the order in which it was given. */
  private readonly inside: (GivenManifest | Chart)[] = [];
  /** Where charts of the virtual cluster are made: the host's app knows nothing of them. */
  private insideApp: App | undefined;
  private hasManifests = false;
  /** Objects that `addManifests` was given. */
  private added = 0;

  constructor(scope: Construct, id: string, props: VirtualClusterProps = {}) {
    super(scope, id);
    const chartNamespace = Chart.of(this).namespace;
    this.name = props.name ?? id;
    this.namespace = props.namespace ?? chartNamespace ?? '';
    const names = controlPlaneNames(this.name);
    this.kubeconfigSecretName = names.kubeconfig;
    this.apiServerServiceName = names.apiServerService;
    this.serviceAccountName = names.serviceAccount;
    this.workloadServiceAccountName = names.workloadServiceAccount;

    const resolved = resolveSpec(props, { id, namespace: chartNamespace });
    this.resolved = resolved;
    if (resolved.ok) {
      this.addObjects(resolved.spec);
      if (props.manifests !== undefined) this.addInside(props.manifests.map(given('manifests')));
      this.claimHosts(props, resolved.spec);
      this.claimServiceRange(props.serviceCIDR);
    } else this.node.addValidation({ validate: () => resolved.problems.map(problemLine) });
  }

  /**
   * Puts objects into the virtual cluster, as prop `manifests` does.
   *
   * @param objects plain manifests
   */
  addManifests(...objects: readonly object[]): void {
    this.addInside(objects.map(given('addManifests', this.added)));
    this.added += objects.length;
  }

  /**
   * Puts the objects of a chart into the virtual cluster, as prop `manifests` does, and none of them on the host.
   *
   * @param chart a function that makes the chart in the scope that it gets, or a chart of another App than that of the host
   * @returns the chart
   *
   * @example
   * cluster.addChart((scope) => new WebChart(scope, 'web', { namespace: 'web' }));
   */
  addChart<T extends Chart>(chart: T | ((scope: Construct) => T)): T {
    const made = insideChart(chart, () => (this.insideApp ??= new App()));
    this.addInside([made]);
    return made;
  }

  /**
   * Whether its properties make a cluster; synthesis says what is wrong.
   *
   * @internal
   */
  get isValid(): boolean {
    return this.resolved.ok;
  }

  /**
   * The cluster with all defaults applied and checked, for what looks at clusters.
   *
   * @internal
   * @throws Error with every problem where its properties are wrong
   */
  get spec(): VirtualClusterSpec {
    if (this.resolved.ok) return this.resolved.spec;
    throw new Error([`${this.node.path} is no cluster yet:`, ...this.resolved.problems.map(problemLine)].join('\n  '));
  }

  private addObjects(spec: VirtualClusterSpec): void {
    const objects = controlPlaneObjects(spec);
    for (const [id, object] of objects) {
      // The construct may be given more of them.
      if (id !== MANIFESTS_ID) addHostObject(this, id, object);
    }

    // The StatefulSet comes first: of two clusters with one name, it is what their owners know.
    const claimed: HostObjectName[] = [...objects.values()].reverse().map(hostObjectName);
    const { apiServer, hostServices } = spec.configuration;
    for (const name of [this.kubeconfigSecretName, ...apiServer.kubeconfigs.map(({ secretName }) => secretName)]) {
      claimed.push({ kind: 'Secret', namespace: spec.namespace, name });
    }
    for (const [index, { host }] of hostServices.toHost.entries()) {
      const field = `hostServices.toHost[${index}].host.name`;
      claimed.push({ kind: 'Service', namespace: spec.namespace, name: host.name, field });
    }
    claimNames(this, claimed);
    this.node.addValidation({ validate: () => this.nameProblems() });
  }

  private addInside(manifests: readonly (GivenManifest | Chart)[]): void {
    this.inside.push(...manifests);
    // Without a cluster its own problems are what there is to say.
    if (this.hasManifests || !this.resolved.ok) return;
    this.hasManifests = true;
    const object = manifestsMap(this.resolved.spec, []);
    claimNames(this, [hostObjectName(object)]);
    new ApiObject(this, MANIFESTS_ID, {
      ...(object as ConstructorParameters<typeof ApiObject>[2]),
      data: Lazy.any({
        produce: () =>
          manifestsMap(
            this.spec,
            this.insideManifests().map(({ manifest }) => manifest as object),
          ).data,
      }),
    });
    this.node.addValidation({ validate: () => this.insideProblems().map(problemLine) });
  }

  private insideManifests(): GivenManifest[] {
    return this.inside.flatMap((one) => (one instanceof Chart ? manifestsOf(one) : [one]));
  }

  private insideProblems(): ConfigurationProblem[] {
    const problems = this.inside.flatMap((one) => (one instanceof Chart ? chartProblems(one, this) : []));
    return problems.length > 0 ? problems : manifestProblems(this.insideManifests());
  }

  /** Hosts that this cluster has for itself: those of an IngressSync are its own claim. */
  private claimHosts({ exposure, sync }: VirtualClusterProps, spec: VirtualClusterSpec): void {
    const ingresses = sync?.toHost?.ingresses;
    const { enabled, allowedHosts } = spec.configuration.sync.toHost.ingresses;
    const field = 'sync.toHost.ingresses.allowedHosts';
    if (enabled && !(ingresses instanceof IngressSync)) claimHosts(this, field, allowedHosts);
    if (exposure?.reach.host !== undefined) claimHosts(this, API_SERVER_FIELD, [exposure.reach.host]);
    this.node.addValidation({ validate: () => hostProblems(this).map(problemLine) });
  }

  private claimServiceRange(range: string | undefined): void {
    if (range === undefined) return;
    const problems = serviceRangeProblems(Chart.of(this), this, range);
    if (problems.length > 0) this.node.addValidation({ validate: () => problems.map(problemLine) });
  }

  /** Two clusters that would overwrite each other's objects on the host. */
  private nameProblems(): string[] {
    const contested = contestedName(this);
    if (contested === undefined) return [];
    const { object, other } = contested;
    if (object.field !== undefined) {
      const message = `is the name of a Service that ${other.node.path} makes in namespace ${this.namespace}: choose another name`;
      return [problemLine({ field: object.field, value: object.name, message })];
    }
    const message =
      other instanceof VirtualCluster && other.name === this.name
        ? `is the name of ${other.node.path} in namespace ${this.namespace}, too: give one of them another name or namespace`
        : `needs ${object.kind} ${object.name} in namespace ${this.namespace}, which ${other.node.path} makes: give one of them another name`;
    return [problemLine({ field: 'name', value: this.name, message })];
  }
}

/** A manifest, and what a user calls it. */
function given(field: string, before = 0): (manifest: object, index: number) => GivenManifest {
  return (manifest, index) => ({ field: `${field}[${before + index}]`, manifest });
}
