import type { AnyObject } from '../../syncer/kube-client';
import { synthesizedObjects } from '../../tasks/synth/run-app';

/** The host objects of a blueprint, as its own program writes them. @param settings its environment variables */
export function synthesizeExample(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly AnyObject[]> {
  const variables = Object.entries(settings).map(([key, value]) => `${key}='${value}' `);
  return synthesizedObjects({ command: `${variables.join('')}node --import tsx examples/${name}/main.ts` });
}
