import type { Command } from 'commander';
import type { ClusterRoleBinding, RoleBinding } from 'kubernetes-types/rbac/v1';
import type { RightsOnHost } from '../../constructs';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { planCluster } from '../cluster-objects';
import { addClusterFlags, givesSettings, settingsFrom } from '../cluster-settings';
import type { Flags } from '../command';
import type { Context } from '../context';
import { Failure, UsageFailure } from '../failure';
import { table } from '../output';
import { findCluster } from '../virtual-clusters';

export function describe(command: Command): void {
  command
    .argument('[name]', 'a virtual cluster that runs; with --file or other flags, the name of one that does not')
    .option('--markdown', 'as a table for a review');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
Of one that runs, all bindings to its accounts count, those made by hand too.

  nestling rights my-vc1
  nestling rights --file vc.ts --markdown`,
  );
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const name = given as string | undefined;
  const found = givesSettings(flags) ? await planned(context, name, flags) : await running(context, name);
  context.output.result(found.rights, () =>
    flags['markdown'] === true
      ? found.markdown
      : table(
          ['WHO', 'WHERE', 'RESOURCES', 'OBJECTS', 'VERBS', 'BY'],
          found.rights.map(({ who, namespace, group, resources: of, names, verbs, role }) => [
            who,
            namespace ?? 'whole host',
            of.map((resource) => (group === '' ? resource : `${resource}.${group}`)).join(','),
            names.length === 0 ? 'all' : names.join(','),
            verbs.join(','),
            role,
          ]),
        ),
  );
}

async function planned({ hostFlags }: Context, given: string | undefined, flags: Flags): Promise<RightsOnHost> {
  const settings = await settingsFrom(flags);
  const name = given ?? (settings['name'] as string | undefined) ?? 'my-vc1';
  const namespace = hostFlags.namespace ?? (settings['namespace'] as string | undefined) ?? `nestling-${name}`;
  const { construct } = await planCluster(name, namespace, settings);
  const { rights } = await import('../../constructs/index.js');
  return rights(construct);
}

async function running({ host: openHost, signal, stderr }: Context, name: string | undefined): Promise<RightsOnHost> {
  if (name === undefined)
    throw new UsageFailure('which virtual cluster: give its name, or --file for one that is not there yet');
  const host = await openHost();
  const { client } = host;
  const place = await findCluster(host, name, signal);
  const all = async <T extends KubeObject>(type: ResourceType, namespace?: string): Promise<T[]> => {
    const items: T[] = [];
    for await (const page of client.listAll<T>(type, { namespace, signal })) items.push(...page.items);
    // Items of a list do not say what they are.
    return items.map((item) => ({ ...item, kind: type.kind }));
  };
  const whole = async <T extends KubeObject>(type: ResourceType): Promise<T[] | undefined> => {
    try {
      return await all<T>(type);
    } catch (error) {
      if (!ApiError.is(error, 'Forbidden')) throw error;
      return undefined;
    }
  };
  const everywhere = await whole<RoleBinding>(resources.roleBindings);
  const clusterWide = await whole<ClusterRoleBinding>(resources.clusterRoleBindings);
  if (clusterWide === undefined || everywhere === undefined) {
    stderr.write(
      `note: you may not list ${clusterWide === undefined ? 'ClusterRoleBindings' : 'RoleBindings of all namespaces'}: rights outside of namespace ${place.namespace} are not seen\n`,
    );
  }
  const bindings = [
    ...(everywhere ?? (await all<RoleBinding>(resources.roleBindings, place.namespace))),
    ...(clusterWide ?? []),
  ];
  const roles = new Map<string, Promise<KubeObject | undefined>>();
  for (const { roleRef, subjects, metadata } of bindings) {
    if (!subjects?.some(({ namespace }) => namespace === place.namespace)) continue;
    const namespace = roleRef.kind === 'Role' ? metadata?.namespace : undefined;
    const key = `${roleRef.kind} ${namespace} ${roleRef.name}`;
    const type = roleRef.kind === 'Role' ? resources.roles : resources.clusterRoles;
    const get = async (): Promise<KubeObject | undefined> => {
      try {
        return {
          ...(await client.get<KubeObject>(type, { name: roleRef.name, namespace, signal })),
          kind: roleRef.kind,
        };
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return undefined;
        throw new Failure(`${roleRef.kind} ${roleRef.name} cannot be read: ${(error as Error).message}`, {
          cause: error,
        });
      }
    };
    if (!roles.has(key)) roles.set(key, get());
  }
  const { rightsByObjects } = await import('../../constructs/index.js');
  const there = (await Promise.all(roles.values())).filter((role) => role !== undefined);
  return rightsByObjects(place, [...bindings, ...there]);
}
