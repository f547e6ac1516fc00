import { buildImages } from '../../images';
import type { BinaryName as ImageBinaryName, ImageName } from '../../images';
import { resolveBinaries } from './binaries';
import type { Log } from './progress';

/** The images that a host cluster itself runs: the sandbox of every pod, its DNS, and the helper that makes volumes. */
const NAMES: readonly ImageName[] = ['pause', 'coredns', 'busybox'];

/** Archives of the images that a host cluster itself runs, made when they are not in the cache. */
export async function hostImages(log: Log, signal?: AbortSignal): Promise<string[]> {
  const binaries = async (name: ImageBinaryName): Promise<string> => (await resolveBinaries([name], log, signal))[name];
  const images = await buildImages({ binaries, names: NAMES, log });
  return images.map(({ archive }) => archive);
}
