import type { AnyObject } from '../../syncer/kube-client';
import { synthesizedObjects } from '../../tasks/synth/run-app';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/** The host objects of a blueprint, as its own program writes them. @param settings its environment variables */
export function synthesizeExample(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly AnyObject[]> {
  const variables = Object.entries(settings).map(([key, value]) => `${key}='${value}' `);
  return synthesizedObjects({ command: `${variables.join('')}node --import tsx examples/${name}/main.ts` });
}

/** Which cluster of a blueprint a test uses, and how. */
export interface UsedExample {
  /** Name of the virtual cluster. */
  readonly cluster: string;
  /** Its host namespace. */
  readonly namespace: string;
  /** Environment variables of the blueprint's program. @default none */
  readonly settings?: Readonly<Record<string, string>>;
  /** What the host has to have before. @default nothing */
  readonly before?: (host: Host) => Promise<unknown>;
  /** Which of the objects are applied, and how they differ on the test bed. @default all as they are */
  readonly adapt?: (objects: readonly AnyObject[]) => readonly AnyObject[];
}

/** A blueprint's virtual cluster for the tests of one file; removed after the last one, which is checked to leave nothing. */
export function useExample(name: string, options: UsedExample): { readonly current: RunningVirtualCluster } {
  const { cluster, namespace, settings, before, adapt = (objects) => objects } = options;
  let running: RunningVirtualCluster | undefined;
  beforeAll(async () => {
    const host = await resolveHost({});
    await before?.(host);
    const objects = adapt(await synthesizeExample(name, settings));
    running = await launch({ host, name: cluster, namespace, objects });
  });
  afterAll(async () => {
    await running?.destroy();
  });
  return {
    get current() {
      if (!running) throw new Error(`virtual cluster ${cluster} of examples/${name} did not start`);
      return running;
    },
  };
}
