import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import type { VirtualClusterProps } from '../../constructs';
import { launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/**
 * A virtual cluster for the tests of one file, in a host namespace of its own; removed after the last test even when one
 * failed, and the removal itself is checked to leave nothing.
 *
 * @param props where they depend on what was made before, a function that tells them
 * @param prepare what the host has to have before. @default nothing
 */
export function useVirtualCluster(
  name: string,
  props: VirtualClusterProps | (() => VirtualClusterProps) = {},
  prepare: (host: Host) => Promise<unknown> = () => Promise.resolve(),
): { readonly current: RunningVirtualCluster } {
  let running: RunningVirtualCluster | undefined;
  beforeAll(async () => {
    const host = await resolveHost({});
    await prepare(host);
    const given = typeof props === 'function' ? props() : props;
    running = await launch({ host, name, namespace: `e2e-${name}`, props: given });
  });
  afterAll(async () => {
    await running?.destroy();
  });
  return {
    get current() {
      if (!running) throw new Error(`virtual cluster ${name} did not start`);
      return running;
    },
  };
}
