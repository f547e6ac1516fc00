import type { Lease } from 'kubernetes-types/coordination/v1';
import { type Logger, ObjectStream, Reflector } from '../engine';
import { type KubeClient, resources } from '../kube-client';

/** Tells of each state of a Lease until the signal aborts, by a watch. */
export function followLease(
  place: { readonly client: KubeClient; readonly namespace: string; readonly name: string; readonly logger: Logger },
  take: (lease: Lease) => void,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace, name, logger } = place;
  const reflector = new Reflector<Lease>({
    client,
    type: resources.leases,
    cache: new ObjectStream<Lease>('host/lease', take),
    namespace,
    fieldSelector: `metadata.name=${name}`,
    logger,
  });
  return reflector.run(signal);
}
