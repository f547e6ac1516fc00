import type { Service } from 'kubernetes-types/core/v1';
import { controlPlaneLabels, controlPlaneNames, controlPlaneSelector } from '../../syncer/configuration';
import { isEmbedded, type VirtualClusterSpec } from '../spec';
import { exposedService } from './exposure';
import { API_SERVER_SERVICE_PORT, PORTS } from './ports';

/**
 * The Service of the virtual API server. With one replica it leads to a pod that is not ready, too: readiness is that of the whole pod,
 * and a syncer that restarts must not cut tenants off from an API server that answers. With several, others are ready then.
 */
export function apiServerService(spec: VirtualClusterSpec): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: controlPlaneNames(spec.name).apiServerService,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
      ...(spec.exposure.type === 'LoadBalancer' && Object.keys(spec.exposure.annotations).length > 0
        ? { annotations: { ...spec.exposure.annotations } }
        : {}),
    },
    spec: {
      ...exposedService(spec.exposure),
      // One address on a host with one family, two on a dual-stack one.
      ipFamilyPolicy: 'PreferDualStack',
      selector: controlPlaneSelector(spec.name),
      publishNotReadyAddresses: spec.replicas === 1,
      ports: [
        {
          name: 'https',
          port: API_SERVER_SERVICE_PORT,
          targetPort: PORTS.apiServer,
          protocol: 'TCP',
          ...(spec.exposure.type === 'NodePort' && spec.exposure.port !== undefined
            ? { nodePort: spec.exposure.port }
            : {}),
        },
      ],
    },
  };
}

/** The headless Service that gives the StatefulSet's pods their DNS names, by which members of the store find one another before they are ready. */
export function storeService(spec: VirtualClusterSpec): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: controlPlaneNames(spec.name).storeService,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    spec: {
      clusterIP: 'None',
      selector: controlPlaneSelector(spec.name),
      publishNotReadyAddresses: true,
      ports: [
        { name: 'https', port: PORTS.apiServer, targetPort: PORTS.apiServer, protocol: 'TCP' },
        ...(spec.replicas > 1 && isEmbedded(spec.store)
          ? [{ name: 'etcd-peer', port: PORTS.etcdPeer, targetPort: PORTS.etcdPeer, protocol: 'TCP' }]
          : []),
      ],
    },
  };
}
