import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { KUBERNETES_VERSION } from '../host-cluster';

/** Where and with what a run was made. */
export interface Machine {
  readonly date: string;
  readonly processors: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly kubernetes: string;
  /** Load of the machine before the run: above a half of its cores, figures tell of the neighbours too. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  const processors = cpus();
  const system = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  return {
    date: new Date().toISOString().slice(0, 10),
    processors: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${system}, Linux ${release()}`,
    node: process.version,
    kubernetes: KUBERNETES_VERSION,
    loadBefore: loadavg()[0] ?? 0,
  };
}
