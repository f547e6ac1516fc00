import type { Container } from 'kubernetes-types/core/v1';
import { STORE_DATA_DIRECTORY, STORE_PEER_NAME, STORE_SETTINGS_KEY } from '../../syncer/configuration';
import type { EmbeddedStoreSpec, VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { POD_NAME } from './environment';
import { commandLine } from './flags';
import { PORTS } from './ports';
import { probes } from './probes';
import { FILES_DIRECTORY, filesMount, STORE_MOUNT } from './volumes';

/** Where etcd listens for the API server: inside the pod only, with certificates on both sides. */
export const ETCD_CLIENT_URL = 'https://127.0.0.1:2379';
const ETCD_PEER_URL = 'https://127.0.0.1:2380';

/**
 * Seconds that the store outlives the order to stop: the API server needs it to end its leases. Without the store it tries until
 * it is killed.
 */
export const STOP_DELAY_SECONDS = 3;

/**
 * The same where there are several members: the time in which a replica that is not wanted any more leaves the store, which takes a
 * majority of the members.
 */
const MEMBER_STOP_DELAY_SECONDS = 12;

/** The store. */
export function etcdContainer(spec: VirtualClusterSpec, store: EmbeddedStoreSpec): Container {
  const several = spec.replicas > 1;
  return {
    name: 'etcd',
    image: spec.images.etcd,
    imagePullPolicy: 'IfNotPresent',
    command: ['etcd'],
    // What differs between members, and with the moment at which one joins, is for the init container to write.
    args: commandLine(several ? { 'config-file': `${FILES_DIRECTORY}/${STORE_SETTINGS_KEY}` } : etcdFlags(store)),
    env: [POD_NAME],
    ports: [
      ...(several ? [{ name: 'etcd-peer', containerPort: PORTS.etcdPeer, protocol: 'TCP' }] : []),
      { name: 'etcd-metrics', containerPort: PORTS.etcdMetrics, protocol: 'TCP' },
    ],
    ...probes({ port: PORTS.etcdMetrics, scheme: 'HTTP', live: '/livez', ready: '/readyz' }),
    lifecycle: { preStop: { sleep: { seconds: several ? MEMBER_STOP_DELAY_SECONDS : STOP_DELAY_SECONDS } } },
    resources: containerResources(spec.resources.etcd),
    securityContext: containerSecurity(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [STORE_MOUNT, filesMount('etcd')],
  };
}

/**
 * Flags of etcd. Compaction is left to the API server, which compacts every five minutes: a second compactor would only race it.
 */
export function etcdFlags(store: EmbeddedStoreSpec) {
  const file = (name: string) => `${FILES_DIRECTORY}/${name}`;
  return {
    name: '$(POD_NAME)',
    'data-dir': STORE_DATA_DIRECTORY,
    'listen-client-urls': ETCD_CLIENT_URL,
    'advertise-client-urls': ETCD_CLIENT_URL,
    'client-cert-auth': true,
    'trusted-ca-file': file('ca.crt'),
    'cert-file': file('server.crt'),
    'key-file': file('server.key'),
    // A single member has no peers, but the port must not be open without a certificate.
    'listen-peer-urls': ETCD_PEER_URL,
    'initial-advertise-peer-urls': ETCD_PEER_URL,
    'initial-cluster': `$(POD_NAME)=${ETCD_PEER_URL}`,
    'peer-client-cert-auth': true,
    'peer-trusted-ca-file': file('ca.crt'),
    'peer-cert-file': file('server.crt'),
    'peer-key-file': file('server.key'),
    'listen-metrics-urls': `http://0.0.0.0:${PORTS.etcdMetrics}`,
    'quota-backend-bytes': store.quotaBytes,
    // Lets the API server serve consistent reads from its watch cache, as kubeadm sets it.
    'watch-progress-notify-interval': '5s',
    'unsafe-no-fsync': store.type === 'ephemeral' ? true : undefined,
  };
}

/** Settings that all members of a store share, as etcd's configuration file has them; the init container adds each one's own. */
export function etcdSettings(store: EmbeddedStoreSpec) {
  const flags = etcdFlags(store);
  const file = (name: string) => `${FILES_DIRECTORY}/${name}`;
  return {
    'data-dir': flags['data-dir'],
    'listen-client-urls': ETCD_CLIENT_URL,
    'advertise-client-urls': ETCD_CLIENT_URL,
    'client-transport-security': {
      'client-cert-auth': true,
      'trusted-ca-file': flags['trusted-ca-file'],
      'cert-file': flags['cert-file'],
      'key-file': flags['key-file'],
    },
    'peer-transport-security': {
      'client-cert-auth': true,
      'trusted-ca-file': flags['trusted-ca-file'],
      'cert-file': file('peer.crt'),
      'key-file': file('peer.key'),
      'allowed-cn': [STORE_PEER_NAME],
      // A member is known by its certificate. Its address is new with each pod, and asking DNS for it would only be slow.
      'skip-client-san-verification': true,
    },
    'listen-metrics-urls': flags['listen-metrics-urls'],
    'quota-backend-bytes': flags['quota-backend-bytes'],
    // A file takes nanoseconds.
    'watch-progress-notify-interval': 5e9,
  };
}
