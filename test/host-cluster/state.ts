import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterPlan } from './plan';
import { directoryOf, STATE_ROOT } from './plan';
import type { ProcessIdentity } from './process-identity';

/** A long-running process of a host cluster. */
export interface RecordedProcess extends ProcessIdentity {
  /** `kubelet`, `etcd` … */
  readonly name: string;
  /** The node whose namespaces it lives in. */
  readonly node: string;
  readonly logFile: string;
}

/** What a later process must know about a host cluster to show it and to remove it. */
export interface ClusterState {
  readonly version: 1;
  /** `starting` until everything was seen to be ready. */
  phase: 'starting' | 'running';
  readonly plan: ClusterPlan;
  readonly createdAt: string;
  readonly processes: RecordedProcess[];
  /** Kernel settings of the whole machine that kubelet changes, as they were before the first cluster. */
  readonly kernelSettings: Readonly<Record<string, string>>;
}

const fileOf = (name: string): string => join(directoryOf(name), 'state.json');

/** The recorded state of a cluster; undefined when there is none. */
export function readState(name: string): ClusterState | undefined {
  const file = fileOf(name);
  if (!existsSync(file)) return undefined;
  const state = JSON.parse(readFileSync(file, 'utf8')) as ClusterState;
  if (state.version !== 1) {
    throw new Error(`${file} has version ${String(state.version)}; remove that cluster with the release that made it`);
  }
  return state;
}

/** Writes a cluster's state; a reader sees the old or the new one, never half. */
export function writeState(state: ClusterState): void {
  const file = fileOf(state.plan.name);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The names of all clusters that have a directory, sorted. */
export function recordedNames(): string[] {
  if (!existsSync(STATE_ROOT)) return [];
  return readdirSync(STATE_ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
