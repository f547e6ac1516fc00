import type { Attack } from './attacks';

const INTRODUCTION = `# Security

<!-- The list is made from constructs/attacks/attacks.ts by \`npm run reference\`; a test compares. -->

A tenant is admin of its virtual cluster: it has every right there, runs every kind of webhook and controller, and is taken for hostile.
What it may not reach is the host, its nodes, the platform's own namespaces, and other tenants.

**Tenants share the kernel of their nodes.** Isolation between pods of one node is that of containers. Tenants who must not trust it, such as
customers who do not know each other, get nodes of their own (\`NodeSyncPolicy.nodesMatching\` with \`enforce\`) or a RuntimeClass with a kernel
of its own.

## Three layers

1. The virtual API server: upstream's own admission, and a webhook in a file that no tenant sees or removes.
2. The syncer: translates every reference, and holds the **translated** object, as the host will see it, to the policy.
3. The host namespace: Roles that list what is enabled, network policies, a quota, and the label of Pod Security, which whoever makes the
   namespace sets on it: \`pod-security.kubernetes.io/enforce\`, \`restricted\` or \`baseline\` as the tenant's pods have to be. The control plane
   meets \`restricted\`.

## Levels

| | \`Isolation.trusted()\` | \`Isolation.baseline()\`, the default | \`Isolation.restricted()\` |
| --- | --- | --- | --- |
| Pod Security of pods on the host | \`privileged\` | \`baseline\` | \`restricted\` |
| taints that pods may tolerate | all | those of Kubernetes, and \`toleratedTaints\` | the same |
| network | open | closed, see below | closed, and to the host's own pods |
| hosts of Ingresses without \`allowedHosts\` | all | all | none |
| images | as the tenant says | as the tenant says | asked for at the registry by each pod |
| quota, defaults of containers | none | none | \`Quota.standard()\`, \`ContainerDefaults.of()\` |

Each of them can be set by itself: \`isolation: Isolation.baseline({ quota: Quota.standard({ pods: 50 }) })\`, \`podSecurity\`,
\`sync.toHost.ingresses\`.

## The network

Policies add up, so one that lets all pods of a tenant talk to each other would undo the tenant's own that deny it. The platform's policies in
the host namespace therefore come in parts: \`NAME-deny\` denies every pod of the tenant everything; \`NAME-ingress\` and \`NAME-egress\` say what
those pods may receive and send that no policy of the tenant selects, which the syncer marks by a label for each direction; for the others the
tenant's policies decide, and the syncer holds their twins to the same bounds. A label that comes late or stays too long closes a pod, or
leaves it at what the platform allows.

Pods may send to each other, their API server, public addresses and, at port 53, everywhere; they may receive from each other, their control
plane, at level baseline also from pods of the host that belong to no virtual cluster and from public addresses. All else is denied:
other tenants, the host's API server, nodes, pods and Services, link-local and private addresses. \`allowEgressTo\`, \`allowIngressFrom\`,
\`hostRanges\`, \`dnsServers\` and \`internet\` change that.

- The host's network has to enforce NetworkPolicies. Nothing here can tell whether it does: try it.
- A range in a tenant's policy means addresses outside of the virtual cluster; private ones only as far as the platform allows them. For its
  own pods a tenant uses selectors. Its selectors never mean pods of the host.
- A name server that tenants' pods may ask answers them: where that must not be the host's, name others in \`dnsServers\`.
- Node ports and load balancers that forward through another node come from that node's address: name the nodes in \`allowIngressFrom\`.
- The API server can be reached from everywhere that leads to it; it knows its clients by certificates and tokens. Other tenants' pods may not
  send to it.

## Forty attacks

Each is made on a real node by \`test/e2e/attacks.test.ts\`, with what looks like it and has to work. "option": where the platform sets
what the attack names.
`;

/** The list of attacks for people, in Markdown. */
export function attackReference(attacks: readonly Attack[]): string {
  const rows = attacks.map(
    ({ id, title, stoppedAt, how, givenHosts }) =>
      `| ${id} | ${cell(title)} | ${stoppedAt}${givenHosts === undefined ? '' : ', where hosts are given'} | ${cell(how)} |`,
  );
  return [INTRODUCTION, '| # | attack | stopped at | by |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('__', '\\_\\_');
