import type { Container } from 'kubernetes-types/core/v1';
import type { DatabaseStoreSpec, VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { STOP_DELAY_SECONDS } from './etcd';
import { commandLine } from './flags';
import { PORTS } from './ports';
import { probes } from './probes';
import { FILES_DIRECTORY, filesMount } from './volumes';

/** Where kine listens, as etcd does: inside the pod only. */
const LISTEN_ADDRESS = '127.0.0.1:2379';

/** What stands before a database of PostgreSQL or MySQL, and speaks etcd's protocol to the API server. */
export function kineContainer(spec: VirtualClusterSpec, store: DatabaseStoreSpec): Container {
  const { secretName: name, secretKey: key } = store;
  return {
    name: 'kine',
    image: spec.images.kine,
    imagePullPolicy: 'IfNotPresent',
    command: ['kine'],
    args: commandLine(kineFlags()),
    // Not a flag: those show in the list of processes, and in the pod.
    env: [{ name: 'KINE_ENDPOINT', valueFrom: { secretKeyRef: { name, key } } }],
    ports: [{ name: 'etcd-metrics', containerPort: PORTS.etcdMetrics, protocol: 'TCP' }],
    ...probes({ port: PORTS.etcdMetrics, scheme: 'HTTP', live: '/metrics', ready: '/metrics' }),
    lifecycle: { preStop: { sleep: { seconds: STOP_DELAY_SECONDS } } },
    resources: containerResources(spec.resources.etcd),
    securityContext: containerSecurity(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [filesMount('etcd')],
  };
}

/** Flags of kine: certificates on both sides of its port, as for etcd. */
export function kineFlags() {
  const file = (name: string) => `${FILES_DIRECTORY}/${name}`;
  return {
    'listen-address': LISTEN_ADDRESS,
    'server-cert-file': file('server.crt'),
    'server-key-file': file('server.key'),
    'trusted-ca-file': file('ca.crt'),
    // The kubelet's probes have no certificate, and there are no keys or values in metrics.
    'metrics-bind-address': `:${PORTS.etcdMetrics}`,
    'metrics-ignore-tls-config': true,
    'watch-progress-notify-interval': '5s',
  };
}
