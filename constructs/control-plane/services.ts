import type { Service } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from '../../syncer/configuration';
import type { VirtualClusterSpec } from '../spec';
import { controlPlaneLabels, controlPlaneSelector } from './labels';
import { API_SERVER_SERVICE_PORT, PORTS } from './ports';

/**
 * The Service of the virtual API server. It leads to pods that are not ready, too: readiness is that of the whole pod, and a
 * syncer that restarts must not cut tenants off from an API server that answers.
 */
export function apiServerService(spec: VirtualClusterSpec): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: controlPlaneNames(spec.name).apiServerService,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec),
    },
    spec: {
      type: spec.exposure.type,
      selector: controlPlaneSelector(spec),
      publishNotReadyAddresses: true,
      ports: [{ name: 'https', port: API_SERVER_SERVICE_PORT, targetPort: PORTS.apiServer, protocol: 'TCP' }],
    },
  };
}

/** The headless Service that gives the StatefulSet's pods their DNS names. */
export function storeService(spec: VirtualClusterSpec): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: controlPlaneNames(spec.name).storeService,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec),
    },
    spec: {
      clusterIP: 'None',
      selector: controlPlaneSelector(spec),
      publishNotReadyAddresses: true,
      ports: [{ name: 'https', port: PORTS.apiServer, targetPort: PORTS.apiServer, protocol: 'TCP' }],
    },
  };
}
