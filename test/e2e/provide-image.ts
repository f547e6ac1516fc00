import { buildImages } from '../../images';
import type { ImageName } from '../../images';
import type { BinaryName, Host } from '../host-cluster';
import { resolveBinaries } from '../host-cluster';

/** Brings an image of one program, which only a few tests need, to a host that takes images; others pull it from its registry. */
export async function provideImage(host: Host, name: ImageName & BinaryName): Promise<void> {
  if (!host.canImportImages) return;
  const binaries = async () => (await resolveBinaries([name], () => undefined))[name];
  for (const { archive } of await buildImages({ binaries, names: [name], log: () => undefined })) {
    await host.importImage(archive);
  }
}
