import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { App } from 'cdk8s';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { problemLine, type ConfigurationProblem } from '../syncer/configuration';
import { parseConfiguration } from '../syncer/configuration/document';
import { STORE_VOLUME } from './control-plane/volumes';
import type { StoreSpec, VirtualClusterSpec } from './spec';
import { VirtualCluster } from './virtual-cluster';

/** What of a cluster cannot be changed after creation, by the path of the property. */
type Locked = Readonly<Record<string, string>>;

const REMEDY = 'which cannot be changed after creation: put it back, or declare a new cluster beside this one';

/**
 * Synthesizes an app, and refuses what a running cluster could not take: properties that cannot be changed after creation are kept in a
 * file, by the construct's path, and held against those of the app. Commit the file with the app. A cluster that is in it and not in the app any
 * more is forgotten.
 *
 * @param file written when all is well, and only then; made where there is none
 * @throws Error with construct, property, value and remedy, before anything is written
 */
export function synthLocked(app: App, file = 'nestling.lock.json'): void {
  const before = readLock(file);
  const clusters = app.node.findAll().filter((construct) => construct instanceof VirtualCluster);
  const lock: Record<string, Locked> = {};
  for (const cluster of clusters) {
    // What is wrong by itself is told by the synthesis.
    const now = cluster.isValid ? locked(cluster.spec) : undefined;
    if (now === undefined) continue;
    lock[cluster.node.path] = now;
    const problems = changes(before.get(cluster.node.path), now);
    if (problems.length > 0) cluster.node.addValidation({ validate: () => problems.map(problemLine) });
  }
  app.synth();
  const paths = Object.keys(lock).sort();
  const text = `${JSON.stringify(Object.fromEntries(paths.map((path) => [path, lock[path]])), undefined, 2)}\n`;
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}

/**
 * What of a cluster's properties a running cluster could not take, one line each with property, value and remedy.
 *
 * @param before the cluster as it runs
 * @param now the same cluster with other properties
 */
export function lockedChanges(before: VirtualCluster, now: VirtualCluster): readonly string[] {
  return changes(locked(before.spec), locked(now.spec)).map(problemLine);
}

/** A cluster that runs, by what its host has of it. */
export interface RunningCluster {
  /** The syncer's document: key `configuration.yaml` of ConfigMap NAME-configuration. */
  readonly configuration: string;
  /** The control plane's. */
  readonly statefulSet: StatefulSet;
}

/**
 * As `lockedChanges`, where nobody knows the properties that a cluster was made with. The size and the class of its volume are left to the
 * host, which refuses to change them by itself; of a database the host knows no more than the Secret.
 *
 * @throws ConfigurationError, or Error with the reason, where the host does not say
 */
export function lockedChangesOfRunning(running: RunningCluster, now: VirtualCluster): readonly string[] {
  const { virtualCluster, network } = parseConfiguration(running.configuration);
  const ranges = network.serviceCIDRs;
  const before = {
    clusterDomain: virtualCluster.clusterDomain,
    ...(ranges.length === 0 ? {} : { serviceCIDR: ranges.join(',') }),
    ...storeOf(running.statefulSet, now.spec.store),
  };
  return changes(before, locked(now.spec)).map(problemLine);
}

/** The store, by its container. */
function storeOf({ spec }: StatefulSet, now: StoreSpec): Locked {
  const containers = spec?.template.spec?.containers ?? [];
  const names = new Set(containers.map(({ name }) => name));
  if (names.has('etcd')) {
    const claims = spec?.volumeClaimTemplates ?? [];
    return {
      'store.type': claims.some(({ metadata }) => metadata?.name === STORE_VOLUME) ? 'persistent' : 'ephemeral',
    };
  }
  if (names.has('kine')) {
    return { 'store.type': now.type === 'postgres' || now.type === 'mysql' ? now.type : 'postgres or mysql' };
  }
  const flag = '--etcd-prefix=';
  const { args = [] } = containers.find(({ name }) => name === 'kube-apiserver') ?? {};
  const prefix = args.find((arg) => arg.startsWith(flag))?.slice(flag.length);
  if (prefix === undefined) throw new Error('its StatefulSet does not say where its store is');
  return { 'store.type': 'etcd', 'store.prefix': prefix };
}

/** What cannot be changed: StatefulSets refuse it, or the data in the store is about it. */
function locked({ name, namespace, store, configuration }: VirtualClusterSpec): Locked {
  const ranges = configuration.network.serviceCIDRs;
  return {
    name,
    namespace,
    clusterDomain: configuration.virtualCluster.clusterDomain,
    // Left out, it is what the control plane found: giving that later changes nothing.
    ...(ranges.length === 0 ? {} : { serviceCIDR: ranges.join(',') }),
    'store.type': store.type,
    ...(store.type === 'persistent' ? { 'store.size': store.size } : {}),
    ...(store.type === 'persistent' && store.storageClassName !== undefined
      ? { 'store.storageClassName': store.storageClassName }
      : {}),
    ...(store.type === 'etcd' ? { 'store.prefix': store.prefix } : {}),
  };
}

function changes(before: Locked | undefined, now: Locked): ConfigurationProblem[] {
  if (before === undefined) return [];
  const store = before['store.type'] !== now['store.type'];
  return Object.entries(before).flatMap(([field, value]) => {
    const given = now[field];
    // Another type of store has other settings: the type says it.
    if (given === value || (store && field.startsWith('store.') && field !== 'store.type')) return [];
    if (given === undefined && field === 'serviceCIDR') return [];
    return [{ field, value: given, message: `was ${JSON.stringify(value)}, ${REMEDY}` }];
  });
}

function readLock(file: string): ReadonlyMap<string, Locked> {
  if (!existsSync(file)) return new Map();
  const wrong = `${file} is no lock file: restore it from version control, or remove it to begin anew`;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new Error(wrong);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new Error(wrong);
  return new Map(Object.entries(content as Record<string, Locked>));
}
