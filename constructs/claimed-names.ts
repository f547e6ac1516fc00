import type { IConstruct } from 'constructs';

/** Name of an object on the host. */
export interface HostObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Host objects of all clusters of an app by the constructs that claim them: a look-up instead of a walk over the tree per cluster. */
const claimsByApp = new WeakMap<IConstruct, Map<string, IConstruct[]>>();

/** Records that a construct makes these host objects, in whatever chart of the app it stands. */
export function claimNames(owner: IConstruct, objects: readonly HostObjectName[]): void {
  const { root } = owner.node;
  const claims = claimsByApp.get(root) ?? new Map<string, IConstruct[]>();
  claimsByApp.set(root, claims);
  for (const object of objects) {
    const owners = claims.get(claimKey(object));
    if (owners === undefined) claims.set(claimKey(object), [owner]);
    else owners.push(owner);
  }
}

/**
 * The first of these objects that another construct of the app claimed before this one, and that construct. Who came
 * first has the name: so a conflict is told once, by the one that came later.
 */
export function contestedName<T extends HostObjectName>(
  owner: IConstruct,
  objects: readonly T[],
): { readonly object: T; readonly other: IConstruct } | undefined {
  const claims = claimsByApp.get(owner.node.root);
  for (const object of objects) {
    const first = claims?.get(claimKey(object))?.[0];
    if (first !== undefined && first !== owner) return { object, other: first };
  }
  return undefined;
}

function claimKey({ kind, namespace, name }: HostObjectName): string {
  return `${kind} ${namespace}/${name}`;
}
