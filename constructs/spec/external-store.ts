import { type ConfigurationProblem, dnsNameProblem } from '../../syncer/configuration';
import type { DatabaseStoreSpec, EmbeddedStoreSpec, EtcdStoreSpec, StoreSpec } from './spec';
import type { EtcdStoreProps, MysqlStoreProps, PostgresStoreProps } from './store';

const FIELD = 'store';

/** Whether a store is etcd in the control plane's own pod. */
export function isEmbedded(store: StoreSpec): store is EmbeddedStoreSpec {
  return store.type === 'persistent' || store.type === 'ephemeral';
}

/** Checks where a database is. */
export function resolveDatabase(
  {
    type,
    secretName,
    secretKey = 'endpoint',
  }: Pick<DatabaseStoreSpec, 'type'> & (PostgresStoreProps | MysqlStoreProps),
  problems: ConfigurationProblem[],
): DatabaseStoreSpec {
  checkSecretName(secretName, problems);
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(secretKey)) {
    const message = 'is no key of a Secret: use letters, digits, dashes, underscores and dots';
    problems.push({ field: `${FIELD}.secretKey`, value: secretKey, message });
  }
  return { type, secretName, secretKey };
}

/** Checks where an etcd is. */
export function resolveEtcd(
  { endpoints, secretName, prefix }: EtcdStoreProps,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  problems: ConfigurationProblem[],
): EtcdStoreSpec {
  checkSecretName(secretName, problems);
  if (endpoints.length === 0) {
    problems.push({ field: `${FIELD}.endpoints`, value: endpoints, message: 'is empty: give at least one address' });
  }
  for (const endpoint of endpoints) {
    if (/^https:\/\/[^/?#@,\s]+$/.test(endpoint) && URL.canParse(endpoint)) continue;
    const message = 'is no address of etcd: write https://, a host name or address, and a port';
    problems.push({ field: `${FIELD}.endpoints`, value: endpoint, message });
  }
  const given = prefix ?? `/nestling/${namespace}/${name}`;
  if (!/^(\/[-._a-zA-Z0-9]+)+$/.test(given)) {
    const message =
      'is no prefix of keys: begin with a slash, and use letters, digits, dashes, dots and further slashes';
    problems.push({ field: `${FIELD}.prefix`, value: given, message });
  }
  return { type: 'etcd', endpoints: [...endpoints], secretName, prefix: given };
}

function checkSecretName(secretName: string, problems: ConfigurationProblem[]): void {
  const message = dnsNameProblem(secretName);
  if (message !== undefined) problems.push({ field: `${FIELD}.secretName`, value: secretName, message });
}
