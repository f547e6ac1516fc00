import type { ConfigMap, Secret } from 'kubernetes-types/core/v1';
import { resources } from '../kube-client';
import { translateConfigMap, translateSecret } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { ContentInUse } from './in-use';
import { Nodes } from './nodes';
import { Pods } from './pods';
import { Services } from './services';
import { Tokens } from './tokens';

export { createCaches } from './caches';
export type { Caches } from './caches';
export type { KindEnvironment } from './environment';
export { HostFacts } from './host-facts';

/**
 * Wires every synced kind to the caches and runs them until the signal ends.
 * @param now the time of day that tokens are renewed by, in ms since 1970. @default Date.now
 */
export async function runKinds(
  environment: KindEnvironment,
  caches: Caches,
  signal: AbortSignal,
  now?: () => number,
): Promise<void> {
  const { identity, anchor } = environment;
  const configMaps = new ContentInUse<ConfigMap>(
    environment,
    caches,
    {
      kind: 'ConfigMap',
      type: resources.configMaps,
      translate: (object) => translateConfigMap(object, { identity, anchor }),
      fields: ['data', 'binaryData'],
    },
    caches.virtual.configMaps,
    caches.host.configMaps,
  );
  const secrets = new ContentInUse<Secret>(
    environment,
    caches,
    {
      kind: 'Secret',
      type: resources.secrets,
      translate: (object) => translateSecret(object, { identity, anchor }),
      fields: ['data'],
    },
    caches.virtual.secrets,
    caches.host.secrets,
  );
  const services = new Services(environment, caches);
  const nodes = new Nodes(environment, caches);
  const tokens = new Tokens(environment, caches, now);
  const pods = new Pods(environment, caches, { nodes, tokens, contents: [configMaps, secrets] });
  await Promise.all([configMaps, secrets, services, nodes, tokens, pods].map((kind) => kind.run(signal)));
}
