import type { Service } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from './configuration';
import { ObjectStream, Reflector, type Logger } from './engine';
import { resources, type KubeClient } from './kube-client';
import type { ClusterIdentity } from './translation';

/**
 * Follows host Service NAME until the signal aborts: a load balancer's address comes after the Service, and its type may be
 * changed while the control plane runs.
 *
 * @param take gets each state; must not throw
 */
export function followOwnService(
  host: KubeClient,
  { name, hostNamespace }: ClusterIdentity,
  logger: Logger,
  take: (service: Service) => void,
  signal: AbortSignal,
): Promise<void> {
  const reflector = new Reflector<Service>({
    client: host,
    type: resources.services,
    cache: new ObjectStream<Service>('host/own-service', take),
    namespace: hostNamespace,
    fieldSelector: `metadata.name=${controlPlaneNames(name).apiServerService}`,
    logger,
  });
  return reflector.run(signal);
}
