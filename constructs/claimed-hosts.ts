import type { IConstruct } from 'constructs';
import type { ConfigurationProblem } from '../syncer/configuration';

/** A host, or `*.` and a domain for all names below it, that something of an app may have for itself. */
interface HostClaim {
  readonly host: string;
  readonly owner: IConstruct;
  /** Property of the owner that claims it. */
  readonly field: string;
}

/** What claims hosts: those of one holder may overlap. */
interface Holder {
  readonly owner: IConstruct;
  readonly field: string;
}

/** The hosts of an app, by what overlaps with what: no claim is compared with all others. */
interface Claims {
  readonly exact: Map<string, HostClaim>;
  /** Wildcards by their domain. */
  readonly wildcards: Map<string, HostClaim>;
  /** For each domain, one claim of each holder that lies below it. */
  readonly below: Map<string, Map<string, HostClaim>>;
  readonly problems: Map<IConstruct, ConfigurationProblem[]>;
}

/** Property with the host of a virtual API server. */
export const API_SERVER_FIELD = 'exposure.host';

const claimsByApp = new WeakMap<IConstruct, Claims>();

/**
 * Records hosts that a construct has for itself, or for the tenant that it stands for. Of two that overlap the later one is at fault.
 *
 * @param field property with the hosts; each list of hosts is a holder of its own
 */
export function claimHosts(owner: IConstruct, field: string, hosts: readonly string[]): void {
  const { root } = owner.node;
  const claims = claimsByApp.get(root) ?? emptyClaims();
  claimsByApp.set(root, claims);
  const holder = { owner, field };
  // All are held against earlier ones before any is added.
  const found = hosts.flatMap((host, index) => {
    const other = overlapping(claims, host.toLowerCase(), holder);
    return other === undefined ? [] : [problem(hosts.length > 1 ? `${field}[${index}]` : field, host, other)];
  });
  for (const host of hosts) add(claims, { host: host.toLowerCase(), owner, field });
  claims.problems.set(owner, [...(claims.problems.get(owner) ?? []), ...found]);
}

/** What stands against the hosts of a construct. */
export function hostProblems(owner: IConstruct): readonly ConfigurationProblem[] {
  return claimsByApp.get(owner.node.root)?.problems.get(owner) ?? [];
}

function emptyClaims(): Claims {
  return { exact: new Map(), wildcards: new Map(), below: new Map(), problems: new Map() };
}

function problem(field: string, value: string, { host, owner, field: theirs }: HostClaim): ConfigurationProblem {
  const where = `${owner.node.path} (${theirs})`;
  const what = host === value.toLowerCase() ? `is claimed by ${where}, too` : `overlaps with ${host} of ${where}`;
  // An API server has its host for itself; tenants may share theirs.
  const isShareable = ![field, theirs].includes(API_SERVER_FIELD);
  const remedy = isShareable ? ', or share hosts on purpose by one IngressSync for both clusters' : '';
  return { field, value, message: `${what}: give each a host of its own${remedy}` };
}

function overlapping(claims: Claims, host: string, holder: Holder): HostClaim | undefined {
  const isOthers = (claim: HostClaim | undefined): claim is HostClaim =>
    claim !== undefined && (claim.owner !== holder.owner || claim.field !== holder.field);
  const domain = host.startsWith('*.') ? host.slice(2) : undefined;
  const same = domain === undefined ? claims.exact.get(host) : claims.wildcards.get(domain);
  if (isOthers(same)) return same;
  for (const parent of parents(domain ?? host)) {
    const wildcard = claims.wildcards.get(parent);
    if (isOthers(wildcard)) return wildcard;
  }
  if (domain === undefined) return undefined;
  return [...(claims.below.get(domain)?.values() ?? [])].find(isOthers);
}

function add(claims: Claims, claim: HostClaim): void {
  const domain = claim.host.startsWith('*.') ? claim.host.slice(2) : undefined;
  const [map, key] = domain === undefined ? [claims.exact, claim.host] : [claims.wildcards, domain];
  if (!map.has(key)) map.set(key, claim);
  for (const parent of parents(domain ?? claim.host)) {
    const below = claims.below.get(parent) ?? new Map<string, HostClaim>();
    claims.below.set(parent, below);
    const holder = `${claim.owner.node.path} ${claim.field}`;
    if (!below.has(holder)) below.set(holder, claim);
  }
}

/** The domains that a name is below: `a.b.c` is below `b.c` and `c`. */
function parents(name: string): string[] {
  const labels = name.split('.');
  return labels.slice(1).map((_, index) => labels.slice(index + 1).join('.'));
}
