import type { Container } from 'kubernetes-types/core/v1';
import { CONFIGURATION_KEY } from '../../syncer/configuration';
import { isEmbedded, type VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { HOST_IP, POD_IP, POD_NAME, POD_NAMESPACE, POD_UID } from './environment';
import { PORTS } from './ports';
import { probes } from './probes';
import {
  ALL_FILES_MOUNT,
  CONFIGURATION_DIRECTORY,
  CONFIGURATION_MOUNT,
  FILES_DIRECTORY,
  RUN_MOUNT,
  SERVICE_ACCOUNT_MOUNT,
  STORE_MOUNT,
} from './volumes';

/** The init container: makes or renews keys and certificates, finds the service range, writes everybody's files. */
export function pkiContainer(spec: VirtualClusterSpec): Container {
  return {
    ...common(spec),
    name: 'pki',
    args: [
      'init',
      '--configuration',
      `${CONFIGURATION_DIRECTORY}/${CONFIGURATION_KEY}`,
      '--directory',
      FILES_DIRECTORY,
    ],
    volumeMounts: [
      ALL_FILES_MOUNT,
      CONFIGURATION_MOUNT,
      SERVICE_ACCOUNT_MOUNT,
      // It decides whether what is there is to be gone on with; a store without a volume never has several members.
      ...(isEmbedded(spec.store) && spec.store.type === 'persistent' ? [STORE_MOUNT] : []),
    ],
  };
}

/** The syncer. */
export function syncerContainer(spec: VirtualClusterSpec): Container {
  return {
    ...common(spec),
    name: 'syncer',
    args: ['run', '--directory', FILES_DIRECTORY],
    ports: [{ name: 'metrics', containerPort: PORTS.syncer, protocol: 'TCP' }],
    ...probes({ port: PORTS.syncer, scheme: 'HTTP', live: '/healthz', ready: '/readyz' }),
    // Everybody's files: it renews the certificates there.
    volumeMounts: [ALL_FILES_MOUNT, RUN_MOUNT, SERVICE_ACCOUNT_MOUNT],
  };
}

function common(spec: VirtualClusterSpec): Omit<Container, 'name'> {
  return {
    image: spec.images.syncer,
    imagePullPolicy: 'IfNotPresent',
    env: [POD_NAME, POD_NAMESPACE, POD_IP, HOST_IP, ...(spec.replicas === 1 ? [] : [POD_UID])],
    resources: containerResources(spec.resources.syncer),
    securityContext: containerSecurity(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}
