import { isIP } from 'node:net';
import type { ConfigurationProblem } from './error';
import { controlPlaneNames } from './names';
import type { SyncerConfiguration } from './schema';

/** Settings that are right by themselves and wrong together. This is the one place for rules across fields. */
export function contradictions(configuration: SyncerConfiguration): ConfigurationProblem[] {
  return [...workloadAccount(configuration), ...kubeconfigServer(configuration)];
}

/** Tenants' pods would run with the rights of the control plane. */
function workloadAccount({ host, virtualCluster }: SyncerConfiguration): ConfigurationProblem[] {
  const { serviceAccount, workloadServiceAccount } = controlPlaneNames(virtualCluster.name);
  if (host.workloadServiceAccount !== serviceAccount) return [];
  const message = `is the account of the control plane, whose rights tenants' pods must not have: give another one, such as ${workloadServiceAccount}`;
  return [{ field: 'host.workloadServiceAccount', value: host.workloadServiceAccount, message }];
}

/** Clients refuse a certificate that is not for the name they called. Addresses may be those of the Service, which nobody knows here. */
function kubeconfigServer({ apiServer, virtualCluster }: SyncerConfiguration): ConfigurationProblem[] {
  const server = apiServer.kubeconfigServer;
  if (server === undefined) return [];
  const name = new URL(server).hostname;
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return [];
  const service = controlPlaneNames(virtualCluster.name).apiServerService;
  const own = name === 'localhost' || name === service || name.startsWith(`${service}.`);
  const parent = name.slice(name.indexOf('.'));
  if (own || apiServer.extraNames.some((extra) => extra === name || extra === `*${parent}`)) return [];
  const message = `has a name that the API server's certificate is not valid for: add ${name} to apiServer.extraNames`;
  return [{ field: 'apiServer.kubeconfigServer', value: server, message }];
}
