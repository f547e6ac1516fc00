import type { IConstruct } from 'constructs';

/** Name of an object on the host. */
export interface HostObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The prop that names it, where it does not follow from the name of the construct. */
  readonly field?: string;
}

/** A name that another construct of the app claimed first. */
interface Contest<T> {
  readonly object: T;
  readonly other: IConstruct;
}

/** The names that the constructs of an app have claimed: a look-up instead of a walk over the tree per cluster. */
interface Claims {
  readonly firstOwners: Map<string, IConstruct>;
  /** What each construct lost to others, found when it claimed. */
  readonly lost: Map<IConstruct, Contest<HostObjectName>>;
}

const claimsByApp = new WeakMap<IConstruct, Claims>();

/**
 * Records that a construct makes these host objects, in whatever chart of the app it stands. Who came first has the name: so a conflict
 * is told once, by the one that came later.
 */
export function claimNames(owner: IConstruct, objects: readonly HostObjectName[]): void {
  const { root } = owner.node;
  const claims = claimsByApp.get(root) ?? { firstOwners: new Map(), lost: new Map() };
  claimsByApp.set(root, claims);
  for (const object of objects) {
    const key = claimKey(object);
    const first = claims.firstOwners.get(key);
    if (first === undefined) claims.firstOwners.set(key, owner);
    else if (first !== owner && !claims.lost.has(owner)) claims.lost.set(owner, { object, other: first });
  }
}

/**
 * The first of a construct's objects that another construct of the app claimed before it, and that construct. Answered from what was
 * found at the claim: cdk8s validates the whole app anew for each of its charts.
 */
export function contestedName(owner: IConstruct): Contest<HostObjectName> | undefined {
  return claimsByApp.get(owner.node.root)?.lost.get(owner);
}

function claimKey({ kind, namespace, name }: HostObjectName): string {
  return `${kind} ${namespace}/${name}`;
}
