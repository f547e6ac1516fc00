import type { Command } from 'commander';
import type { Service } from 'kubernetes-types/core/v1';
import type { ClusterOnHost, ExplainFacts, Explanation, TenantManifest, VirtualCluster } from '../../constructs';
import { controlPlaneNames } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { planCluster } from '../cluster-objects';
import { addClusterFlags, givesSettings, settingsFrom } from '../cluster-settings';
import type { Flags } from '../command';
import type { Context } from '../context';
import { EXIT, UsageFailure } from '../failure';
import { table } from '../output';
import { readManifests } from '../read-manifests';
import { runningConfiguration } from '../running-configuration';
import { findCluster } from '../virtual-clusters';

export function describe(command: Command): void {
  command
    .argument('<manifests>', "the tenant's manifests: a file of YAML or JSON, or - for standard input")
    .option('--cluster <name>', 'a virtual cluster that runs; else what the flags or the settings file describe')
    .option('--fields', 'what becomes of each field, and by which rule');
  addClusterFlags(command);
  command.addHelpText(
    'after',
    `
By the code that the syncer runs. Ends with 1 if something is refused.

  nestling explain app.yaml --cluster my-vc1
  nestling explain app.yaml --isolation restricted --fields
  kustomize build . | nestling explain - --file vc.ts --output json`,
  );
}

/** One manifest, or what its controller makes of it. */
interface Line {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: Explanation['outcome'];
  readonly reason: string;
  /** `NAMESPACE/NAME` on the host; empty where there is none. */
  readonly host: string;
  readonly fields: Explanation['fields'];
  readonly needs: Explanation['needs'];
  /** For a workload: each of its pods. */
  readonly pod?: Line;
}

export async function run(context: Context, [file]: readonly unknown[], flags: Flags): Promise<number> {
  const named = flags['cluster'] as string | undefined;
  if (named !== undefined && givesSettings(flags)) {
    throw new UsageFailure(
      '--cluster means one that runs, and --file and the other flags one that does not: leave one of them out',
    );
  }
  const manifests = await readManifests(String(file));
  const { cluster, facts } = named === undefined ? await planned(context, flags) : await running(context, named);
  const { explain } = await import('../../constructs/index.js');
  const explained = manifests.map((manifest) => {
    const explanation = explain(manifest, cluster, facts);
    return { line: lineOf(manifest, explanation), text: explanation.text };
  });
  const lines = explained.map(({ line }) => line);
  context.output.result(lines, () =>
    flags['fields'] === true
      ? explained.map(({ text }) => text).join('\n')
      : table(
          ['OBJECT', 'OUTCOME', 'ON THE HOST', 'REASON'],
          lines.flatMap((line) => rows(line, '')),
        ),
  );
  return lines.some(isRefused) ? EXIT.failed : EXIT.ok;
}

async function planned(
  { hostFlags }: Context,
  flags: Flags,
): Promise<{ cluster: VirtualCluster; facts: ExplainFacts }> {
  const settings = await settingsFrom(flags);
  const name = (settings['name'] as string | undefined) ?? 'my-vc1';
  const namespace = hostFlags.namespace ?? (settings['namespace'] as string | undefined) ?? `nestling-${name}`;
  return { cluster: (await planCluster(name, namespace, settings)).construct, facts: {} };
}

/** One that runs, with what only its host knows. */
async function running(
  { host: openHost, signal }: Context,
  named: string,
): Promise<{ cluster: ClusterOnHost; facts: ExplainFacts }> {
  const host = await openHost();
  const { name, namespace } = await findCluster(host, named, signal);
  const names = controlPlaneNames(name);
  const configuration = await runningConfiguration(host.client, { name, namespace }, signal);
  const address = async (service: string): Promise<string | undefined> => {
    try {
      const { spec } = await host.client.get<Service>(resources.services, { name: service, namespace, signal });
      return spec?.clusterIP;
    } catch (error) {
      if (ApiError.is(error, 'NotFound', 'Forbidden')) return undefined;
      throw error;
    }
  };
  const [apiServerIP, dnsIP, version] = await Promise.all([
    address(names.apiServerService),
    address(hostName({ name, hostNamespace: namespace }, 'kube-system', 'kube-dns')),
    host.client.getText('/version', { signal }),
  ]);
  const hostMinor = Number.parseInt((JSON.parse(version) as { readonly minor?: string }).minor ?? '', 10);
  const facts = {
    ...(apiServerIP !== undefined && { apiServerIP }),
    ...(dnsIP !== undefined && { dnsIP }),
    ...(Number.isInteger(hostMinor) && { hostMinor }),
  };
  return { cluster: { namespace, configuration }, facts };
}

function lineOf(manifest: TenantManifest, explanation: Explanation): Line {
  const { outcome, reason, hostObject, fields, needs, pod } = explanation;
  const { name = '', namespace = 'default' } = manifest.metadata ?? {};
  const on = hostObject?.['metadata'] as { readonly name?: string; readonly namespace?: string } | undefined;
  return {
    apiVersion: manifest.apiVersion ?? '',
    kind: manifest.kind ?? '',
    namespace,
    name,
    outcome,
    reason,
    host: on === undefined ? '' : [on.namespace, on.name].filter(Boolean).join('/'),
    fields,
    needs,
    ...(pod !== undefined && {
      pod: lineOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `each pod of ${name}`, namespace } }, pod),
    }),
  };
}

function rows(line: Line, indent: string): string[][] {
  const { kind, namespace, name, outcome, host, reason, pod } = line;
  const object = indent === '' ? `${kind} ${namespace}/${name}` : `${indent}${name}`;
  return [[object, outcome, host, reason], ...(pod === undefined ? [] : rows(pod, '  '))];
}

function isRefused({ outcome, pod }: Line): boolean {
  return outcome === 'refused' || (pod !== undefined && isRefused(pod));
}
