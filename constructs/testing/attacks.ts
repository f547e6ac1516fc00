import { ATTACKS as LIST, type Attempt, type StoppedAt } from '../attacks/attacks';
import { forbiddenIn, named, type AttackNames } from '../attacks/outcome';
import { explain, type TenantManifest } from '../explain';
import { rights } from '../rights';
import type { VirtualCluster } from '../virtual-cluster';

export type { StoppedAt };

/** Something that a tenant may try, as far as its manifests and the host's roles tell whether it would succeed. */
export interface Attack {
  /** Number in docs/security.md. */
  readonly number: number;
  /** What is tried. */
  readonly title: string;
  /** Where it has to be stopped. */
  readonly stoppedAt: StoppedAt;
  /** How it succeeds on the host of a cluster; undefined where it is stopped. */
  readonly success: (cluster: VirtualCluster) => string | undefined;
}

/** Namespace of the tenant's objects. */
const NAMESPACE = 'attacks';

/** What the attempts are about in a cluster: hosts and classes that its platform allows, so that nothing else is what stops them. */
function namesIn({ name, spec }: VirtualCluster): AttackNames {
  const { allowedHosts, allowedClasses } = spec.configuration.sync.toHost.ingresses;
  const [host = 'web.example.com'] = allowedHosts;
  return { cluster: name, host: host.replace(/^\*/, 'web'), class: allowedClasses[0] ?? 'tenants' };
}

/** How one attempt of the list succeeds. */
function successOf({ manifest, becomes }: Attempt, cluster: VirtualCluster): string | undefined {
  const names = namesIn(cluster);
  const { metadata, ...rest } = named(manifest, names);
  const explained = explain({ ...rest, metadata: { ...metadata, namespace: NAMESPACE } } as TenantManifest, cluster);
  if (explained.outcome !== 'synced') return undefined;
  const what = `${manifest.kind} ${metadata.name}`;
  if (becomes.outcome !== 'onHost') return `${what} goes to the host`;
  const forbidden = forbiddenIn(explained.hostObject ?? {}, named(becomes, names));
  return forbidden === undefined ? undefined : `on the host ${what} has what it must not: ${forbidden}`;
}

/** Whether something of an attempt shows before anything runs. */
const shows = ({ becomes, onlyLive }: Attempt): boolean =>
  onlyLive === undefined &&
  (becomes.outcome !== 'onHost' || becomes.without !== undefined || becomes.nowhere !== undefined);

function ofAttempts(
  about: Pick<Attack, 'number' | 'title' | 'stoppedAt'>,
  attempts: readonly Attempt[],
): readonly Attack[] {
  const shown = attempts.filter(shows);
  if (shown.length === 0) return [];
  const success = (cluster: VirtualCluster): string | undefined =>
    shown
      .map((attempt) => successOf(attempt, cluster))
      .filter((how) => how !== undefined)
      .join('; ') || undefined;
  return [{ ...about, success }];
}

/** Attacks that are no single object. */
const OTHERS: Readonly<Record<number, Attack['success']>> = {
  15: (cluster) => {
    const nameOf = (name: string, namespace: string): unknown => {
      const spec = { containers: [{ name: 'main', image: 'registry.example.com/web:1' }] };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec };
      return (explain(pod, cluster).hostObject?.['metadata'] as { readonly name?: string } | undefined)?.name;
    };
    const one = nameOf('a-x-b', 'c');
    return one !== undefined && one === nameOf('a', 'b-x-c')
      ? `pods of two namespaces are both ${String(one)}`
      : undefined;
  },
  28: (cluster) => grantedTo(cluster, ({ resources }) => resources.includes('nodes/proxy')),
  39: (cluster) =>
    grantedTo(
      cluster,
      ({ who, namespace, resources, verbs, group }) =>
        who === 'tenant pods' ||
        [group, ...resources, ...verbs].includes('*') ||
        (group === 'rbac.authorization.k8s.io' && verbs.some((verb) => !['get', 'list', 'watch'].includes(verb))) ||
        verbs.some((verb) => ['escalate', 'bind', 'impersonate'].includes(verb)) ||
        // Of the whole host, what holds data of others.
        (namespace === undefined &&
          resources.some((resource) => /^(secrets|configmaps|pods|serviceaccounts)\b/.test(resource))),
    ),
};

/**
 * The attacks of docs/security.md that are decided before anything runs: by what becomes of a manifest, and by the roles on the host. Those
 * that need packets, a kubelet or a store are run against a running cluster by this project's own tests.
 */
export const ATTACKS: readonly Attack[] = LIST.flatMap((attack) => {
  const { id: number, title, stoppedAt, givenHosts, attempts, atRestricted = [] } = attack;
  const other = OTHERS[number];
  // Whether hosts are given is the platform's choice.
  const about = { number, title, stoppedAt: givenHosts === undefined ? stoppedAt : ('option' as const) };
  return [
    ...(other === undefined ? ofAttempts(about, attempts) : [{ ...about, success: other }]),
    ...ofAttempts({ ...about, stoppedAt: 'restricted' }, atRestricted),
  ];
});

function grantedTo(
  cluster: VirtualCluster,
  isHarmful: (right: ReturnType<typeof rights>['rights'][number]) => boolean,
): string | undefined {
  const right = rights(cluster).rights.find(isHarmful);
  return right && `${right.role} gives ${right.verbs.join(', ')} on ${right.resources.join(', ')} to the ${right.who}`;
}
