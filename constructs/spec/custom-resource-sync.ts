/** What a field of a custom resource can be the name of; `self` is an object of the same kind. */
export type ReferredKind =
  | 'Secret'
  | 'ConfigMap'
  | 'Service'
  | 'PersistentVolumeClaim'
  | 'ServiceAccount'
  | 'self'
  | {
      /** API group of another kind of custom resources. */
      readonly group: string;
      /** That kind. */
      readonly kind: string;
    };

/** A field of a custom resource that holds the name of another object. */
export interface CustomResourceReference {
  /** Where the name stands, such as `spec.secretRefs[*].name`; for paths see {@link FieldPatch}. */
  readonly path: string;
  /**
   * What it is the name of: on the host it is replaced by the name of that object's twin. Secrets and ConfigMaps that are named so
   * are on the host while they are.
   */
  readonly kind: ReferredKind;
  /**
   * Where the namespace of that object stands, beside the name: `spec.secretRefs[*].namespace`.
   *
   * @default - the namespace of the custom resource
   */
  readonly namespacePath?: string;
}

/** Which custom resource. The host must have its definition, which is copied into the virtual cluster in the one version. */
export interface CustomResourceKind {
  /** API group, such as `cert-manager.io`. */
  readonly group: string;
  /** Version, such as `v1`. */
  readonly version: string;
  /** Kind, such as `Certificate`. */
  readonly kind: string;
  /** Plural name, such as `certificates`. */
  readonly resource: string;
  /**
   * The definition's scope. `Cluster` needs cluster-wide rights on the host.
   *
   * @default 'Namespaced'
   */
  readonly scope?: 'Namespaced' | 'Cluster';
}

/**
 * A kind of the tenant's custom resources that goes to the host, with the status back.
 *
 * Whoever acts on them on the host acts on what the tenant wrote: **fields that are not declared here go to the host as they are**. A
 * kind whose fields may name namespaces, Secrets of others, service accounts or hosts gives the tenant what its controller may do.
 * Naming a kind is the decision that this is wanted; a field patch can set or remove what is not.
 *
 * Annotations do not go to the host. Labels do, under translated keys. What a controller of the host makes for such an object, such as
 * a Secret, is not brought back.
 */
export interface CustomResourceToHostProps extends CustomResourceKind {
  /**
   * Fields that hold names of objects.
   *
   * @default - none
   */
  readonly references?: readonly CustomResourceReference[];
  /**
   * Paths to label selectors (`matchLabels`, `matchExpressions`) of the tenant's objects.
   *
   * @default - none
   */
  readonly labelSelectors?: readonly string[];
  /**
   * Paths to maps of labels that the tenant's objects must have, as `spec.selector` of a Service.
   *
   * @default - none
   */
  readonly labelMaps?: readonly string[];
}

/** A namespace of the host whose objects tenants see. */
export interface ShownNamespace {
  /**
   * Namespace of the host. A Role and RoleBinding are made there, by which the syncer may read objects of the kind.
   *
   * @default - the host namespace of the virtual cluster
   */
  readonly host?: string;
  /** Namespace of the virtual cluster that shows them, once the tenant makes it. */
  readonly virtual: string;
}

/** A kind of the host's custom resources that tenants see, with their status. What a tenant changes in one is undone. */
export interface CustomResourceFromHostProps extends CustomResourceKind {
  /**
   * Labels that an object of the host must have to be shown.
   *
   * @default - all are shown
   */
  readonly selector?: Readonly<Record<string, string>>;
  /**
   * With scope `Namespaced`, which namespaces of the host are shown where.
   *
   * @default - none; a kind with scope `Namespaced` needs one
   */
  readonly namespaces?: readonly ShownNamespace[];
}
