import type { Command } from 'commander';
import type { Secret } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from '../../syncer/configuration';
import { ApiError, resources } from '../../syncer/kube-client';
import { certificateReport } from '../certificate-report';
import type { Context } from '../context';
import { EXIT, Failure, UsageFailure } from '../failure';
import { table } from '../output';
import { findCluster } from '../virtual-clusters';

export function describe(command: Command): void {
  command.argument('<name>', 'name of the virtual cluster').argument('[action]', 'check', 'check');
  command.addHelpText(
    'after',
    `
Certificates renew by themselves; authorities live ten years and do not. Ends with 1 if one has ended, should have been renewed a day
ago, or is an authority that ends within 90 days. Keys are not shown.`,
  );
}

export async function run(context: Context, [given, action]: readonly unknown[]): Promise<number> {
  if (action !== 'check') {
    throw new UsageFailure(
      `certs NAME ${String(action)} is not known: write check. Certificates renew by themselves; how authorities are replaced says docs/access.md`,
    );
  }
  const { output, signal } = context;
  const host = await context.host();
  const { name, namespace } = await findCluster(host, String(given), signal);
  const secretName = controlPlaneNames(name).certificates;
  let secret: Secret;
  try {
    secret = await host.client.get<Secret>(resources.secrets, { namespace, name: secretName, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    throw new Failure(`Secret ${namespace}/${secretName} is not there: apply the manifests of ${name} again`);
  }
  const values = new Map(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
  const report = certificateReport(values, new Date());
  if (report.length === 0) {
    throw new Failure(
      `Secret ${namespace}/${secretName} has no certificates yet: see nestling describe ${name} -n ${namespace}`,
    );
  }
  output.result(report, () =>
    table(
      ['CERTIFICATE', 'STATUS', 'ENDS', 'RENEWED', 'SUBJECT', 'NAMES'],
      report.map(({ name: of, authority, status, ends, daysLeft, renewed, subject, names }) => [
        of,
        status,
        ends === '' ? '' : `${ends.slice(0, 10)} (${daysLeft}d)`,
        renewed?.slice(0, 10) ?? (authority ? 'by hand' : 'with its authority'),
        subject,
        names.join(','),
      ]),
    ),
  );
  return report.every(({ status }) => status === 'good') ? EXIT.ok : EXIT.failed;
}
