import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, makeOnce } from '../../../images/cache';
import type { AnyObject } from '../api';
import { buildFolder } from '../go-build';
import type { NodePlan } from '../plan';
import type { Log } from '../progress';

/**
 * The CSI driver of host clusters: inline volumes in memory, each with a file `given.json` that says what the kubelet
 * told the driver. The known driver for tests, csi-driver-host-path, cannot be had from the module registry.
 */
export const CSI_DRIVER = 'memory.csi.nestling.dev';

/** What the program is made of. */
const SOURCES = ['main.go', 'go.mod', 'go.sum'];

/**
 * The driver's program, built once per content.
 *
 * @returns its path
 * @throws HostClusterError when there is no Go or the build fails
 */
export async function buildCSIDriver(log: Log, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(await readFile(join(__dirname, source))).update('\0');
  const name = `csi-driver-${process.arch}-${hash.digest('hex').slice(0, 16)}`;
  return makeOnce(join(cacheDirectory(), 'programs', name), (target) =>
    buildFolder({ name: 'csi-driver', folder: __dirname, target }, log, signal),
  );
}

/** The command line of a node's driver. It mounts where the kubelet looks: it needs the node's view of files. */
export function csiDriverCommand(program: string, node: NodePlan): string[] {
  return [program, `--name=${CSI_DRIVER}`, `--node=${node.name}`];
}

/** What tells the cluster about the driver. */
export function csiDriverObjects(): AnyObject[] {
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: CSI_DRIVER },
      spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ['Ephemeral'] },
    },
  ];
}
