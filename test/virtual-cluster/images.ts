import { buildImages } from '../../images';
import type { ImageName } from '../../images';
import type { Host, Log } from '../host-cluster';
import { resolveBinaries } from '../host-cluster';

/** What a virtual cluster runs, and what its tenants run in tests and in the demo. */
const NAMES: readonly ImageName[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'syncer',
  'kubectl',
  'nginx',
  'agnhost',
];

/** Builds the images from this checkout and brings them to a host that takes images; others pull them from registries. */
export async function provideImages(host: Host, log: Log): Promise<void> {
  if (!host.canImportImages) return;
  const programs = await resolveBinaries(
    ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'coredns', 'agnhost'],
    log,
  );
  const images = await buildImages({ binaries: (name) => Promise.resolve(programs[name]), names: NAMES, log });
  await Promise.all(images.map(({ archive }) => host.importImage(archive)));
  log(`${images.length} images are on the node`);
}
