import { createReadStream, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandOptions } from './command';
import { CommandError, run } from './command';
import { HostClusterError } from './failure';
import type { Namespaces } from './namespaces';
import { runIn } from './namespaces';
import type { NodePlan } from './plan';
import { cniDirectory } from './prerequisites';
import { processEnvironment } from './processes';

/** containerd's socket, as a process in the node's namespaces sees it. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
/** Where drivers of devices say what containers get of them (Container Device Interface); the node's own, as /run is. */
export const CDI_DIRECTORY = '/run/cdi';
/** The image of the process that holds a pod's namespaces. */
export const SANDBOX_IMAGE = 'registry.k8s.io/pause:3.10';

/** containerd's configuration for a node. */
export function containerdConfiguration(node: NodePlan, cniPlugins: string): string {
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp", "io.containerd.nri.v1.nri"]

[grpc]
  address = "${CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${SANDBOX_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE (root in a container) no process may lower its own score: every pod would fail.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  enable_cdi = true
  cdi_spec_dirs = ["${CDI_DIRECTORY}"]
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${cniPlugins}"]
    conf_dir = "${join(node.directory, 'cni')}"
    max_conf_num = 1
`;
}

/** The pod network of a node: a bridge without masquerading, as every address has a route everywhere in the cluster. */
export function podNetworkConfiguration(node: NodePlan): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        isDefaultGateway: true,
        hairpinMode: true,
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: node.podCIDR }]], dataDir: '/run/cni-addresses' },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
}

/** The containerd of a node. */
export interface ContainerRuntime {
  readonly namespaces: Namespaces;
  /** `cgroup.procs` of the cluster's cgroup. */
  readonly membershipFile: string;
  /** Directory with the `ctr` of the same release. */
  readonly programs: string;
}

/** Runs containerd's command-line program against the containerd of a node. */
function ctr(
  { namespaces, membershipFile, programs }: ContainerRuntime,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return runIn(namespaces, membershipFile, ['ctr', ...args], { environment: processEnvironment(programs), ...options });
}

/**
 * Writes containerd's files for a node.
 *
 * @returns its command line
 */
export function prepareContainerRuntime(node: NodePlan, binary: string): string[] {
  const plugins = cniDirectory();
  if (!plugins) throw new Error('no CNI plugins');
  const file = join(node.directory, 'containerd.toml');
  const network = join(node.directory, 'cni');
  mkdirSync(network, { recursive: true });
  writeFileSync(file, containerdConfiguration(node, plugins));
  writeFileSync(join(network, '10-pods.conflist'), JSON.stringify(podNetworkConfiguration(node), undefined, 2));
  return [binary, '--config', file];
}

/** Waits until containerd answers. */
export async function whenContainerRuntimeReady(runtime: ContainerRuntime, signal: AbortSignal): Promise<void> {
  // Its socket is in a /run that only the node's processes see: look through the eyes of one.
  const socket = `/proc/${runtime.namespaces.holder.pid}/root${CONTAINERD_SOCKET}`;
  for (;;) {
    signal.throwIfAborted();
    if (existsSync(socket)) {
      try {
        await ctr(runtime, ['--connect-timeout', '5s', 'version'], { signal });
        return;
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
      }
    }
    await sleep(25);
  }
}

interface ArchiveIndex {
  readonly manifests?: readonly { readonly digest?: string; readonly annotations?: Readonly<Record<string, string>> }[];
}

/** `NAME DIGEST` of the images in an OCI archive; undefined where that cannot be told. */
export function imagesOfIndex(index: string): string[] | undefined {
  const images = ((JSON.parse(index) as ArchiveIndex).manifests ?? []).map(({ digest, annotations }) => {
    const name = annotations?.['io.containerd.image.name'];
    return name !== undefined && digest !== undefined ? `${name} ${digest}` : undefined;
  });
  return images.length > 0 && images.every((image) => image !== undefined) ? images : undefined;
}

/** Whether a node has the very images of an archive already: reading them again takes a second for each 100 MB. */
async function hasImages(runtime: ContainerRuntime, archive: string): Promise<boolean> {
  try {
    const wanted = imagesOfIndex(await run('tar', ['-xOf', archive, 'index.json']));
    if (!wanted) return false;
    const list = await ctr(runtime, ['--namespace', 'k8s.io', 'images', 'list']);
    const present = new Set(
      list.split('\n').map((line) => {
        const [name, , digest] = line.split(/\s+/);
        return `${name} ${digest}`;
      }),
    );
    return wanted.every((image) => present.has(image));
  } catch {
    return false; // importing it tells what is wrong
  }
}

/**
 * Imports an archive of images into a node's containerd, unless it has just these images.
 *
 * @throws HostClusterError when there is no such archive or containerd refuses it
 */
export async function importImage(runtime: ContainerRuntime, archive: string, signal?: AbortSignal): Promise<void> {
  checkArchive(archive);
  if (await hasImages(runtime, archive)) return;
  try {
    // Through standard input: the archive may lie where the node's processes have another directory.
    const input = createReadStream(archive);
    await ctr(runtime, ['--namespace', 'k8s.io', 'images', 'import', '-'], { input, signal });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new HostClusterError(
      `image archive ${archive} cannot be imported: ${error.output.trim().split('\n').at(-1) ?? ''}`,
      'make it again as an OCI archive for this architecture',
      { cause: error },
    );
  }
}

/**
 * Checks that an archive is there.
 *
 * @throws HostClusterError naming it
 */
export function checkArchive(archive: string): void {
  if (!existsSync(archive) || !statSync(archive).isFile()) {
    throw new HostClusterError(
      `image archive ${archive} does not exist`,
      'give the path of an OCI archive (a .tar file)',
    );
  }
}

/** The names of the images in a node's containerd, sorted, without those that are digests only. */
export async function imageNames(runtime: ContainerRuntime): Promise<string[]> {
  const output = await ctr(runtime, ['--namespace', 'k8s.io', 'images', 'list', '-q']);
  return output
    .split('\n')
    .filter((name) => name !== '' && !name.startsWith('sha256:'))
    .sort();
}

/**
 * Kills the first process of a container with -9.
 *
 * @returns whether the node has that container running
 */
export async function killContainer(runtime: ContainerRuntime, id: string): Promise<boolean> {
  try {
    await ctr(runtime, ['--namespace', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', id]);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.output.includes('not found')) return false;
    throw error;
  }
}
