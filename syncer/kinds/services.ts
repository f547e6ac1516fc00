import type { Service } from 'kubernetes-types/core/v1';
import { resources } from '../kube-client';
import { serviceSteps } from '../policy';
import {
  ANNOTATIONS,
  adoption,
  hostServicePatch,
  isReserved,
  isView,
  losesSelector,
  reservationVerdict,
  serviceNeedsRecreation,
  virtualServicePatch,
} from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';
import type { Verdict } from './twins';

/** Whether it is the API server's own Service: its address is set at admission, and its twin is the control plane's Service. */
export const isOwnService = ({ metadata }: Service): boolean =>
  metadata?.namespace === 'default' && metadata.name === 'kubernetes';

/**
 * Services. Most host twins are made at admission (syncer/admission), which knows the address before the tenant does;
 * here they are adopted, those that admission leaves alone (headless, ExternalName) are made, specs are kept equal, and node
 * ports that admission could not know and load-balancer addresses come back.
 */
export function services(environment: KindEnvironment, caches: Caches): Twins<Service> {
  return new Twins<Service>(environment, caches, {
    type: resources.services,
    virtual: caches.virtual.services,
    host: caches.host.services,
    concerns: (virtual) => !isOwnService(virtual) && !isView(virtual),
    verdict: (host, virtual) => verdict(host, virtual, environment.configuration.services.reservationSeconds),
    ...serviceSteps(environment.configuration, environment),
    // In the virtual cluster a refused Service works as it is.
    whenRefused: 'remove',
    mustBeRemade: (wanted, host) =>
      !isReserved(host) && (serviceNeedsRecreation(wanted, host) || losesSelector(wanted, host)),
    hostPatch: (wanted, host, virtual) =>
      isReserved(host) ? adoption(host, wanted, virtual.metadata?.uid ?? '') : hostServicePatch(wanted, host),
    virtualPatch(host, virtual) {
      const { spec, status } = virtualServicePatch(host, virtual);
      return { object: spec && { spec }, status };
    },
  });
}

function verdict(host: Service, virtual: Service | undefined, reservationSeconds: number): Verdict {
  if (!isReserved(host)) {
    // Else the virtual Service is gone, or another one has its name: the twin follows its own.
    const belongs = virtual && host.metadata?.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid;
    return { verdict: belongs ? 'twin' : 'remove' };
  }
  const found = reservationVerdict(host, virtual, Date.now(), reservationSeconds);
  if (found.verdict === 'wait') return { verdict: 'wait', afterMs: found.afterMs };
  if (found.verdict === 'remove') return { verdict: 'remove', resourceVersion: host.metadata?.resourceVersion };
  return { verdict: 'twin' };
}
