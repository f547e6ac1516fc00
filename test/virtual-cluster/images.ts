import { buildImages } from '../../images';
import type { BinaryName as ImageBinaryName, ImageName } from '../../images';
import type { Host, Log } from '../host-cluster';
import { resolveBinaries } from '../host-cluster';

/** What a virtual cluster runs, and what its tenants run in tests and in the demo. */
const NAMES: readonly ImageName[] = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'syncer', 'kubectl', 'nginx'];

/** Builds the images from this checkout and brings them to a host that takes images; others pull them from registries. */
export async function provideImages(host: Host, log: Log): Promise<void> {
  if (!host.canImportImages) return;
  // All at once, as those that must be built are built faster together.
  await resolveBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'], log);
  const binaries = async (name: ImageBinaryName): Promise<string> => (await resolveBinaries([name], log))[name];
  const images = await buildImages({ binaries, names: NAMES, log });
  await Promise.all(images.map(({ archive }) => host.importImage(archive)));
  log(`${images.length} images are on the node`);
}
