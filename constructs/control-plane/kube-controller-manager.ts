import type { Container } from 'kubernetes-types/core/v1';
import type { VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { electionFlags } from './election';
import { commandLine } from './flags';
import { PORTS } from './ports';
import { probes } from './probes';
import { FILES_DIRECTORY, filesMount } from './volumes';

/** Controllers of nodes and volumes that are the host's: the syncer writes what they would. */
const HOST_CONTROLLERS = [
  'node-ipam-controller',
  'node-lifecycle-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-attach-detach-controller',
  'persistentvolume-expander-controller',
];

/** Upstream's controllers. */
export function kubeControllerManagerContainer(spec: VirtualClusterSpec): Container {
  return {
    name: 'kube-controller-manager',
    image: spec.images.kubeControllerManager,
    imagePullPolicy: 'IfNotPresent',
    command: ['kube-controller-manager'],
    args: commandLine(kubeControllerManagerFlags(spec)),
    ports: [{ name: 'controllers', containerPort: PORTS.controllerManager, protocol: 'TCP' }],
    ...probes({ port: PORTS.controllerManager, scheme: 'HTTPS', live: '/healthz', ready: '/healthz' }),
    resources: containerResources(spec.resources.kubeControllerManager),
    securityContext: containerSecurity(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [filesMount('kube-controller-manager')],
  };
}

/**
 * Flags of kube-controller-manager. Its own port serves health to anybody and nothing else: without a kubeconfig for delegated
 * authentication every other request is refused.
 */
export function kubeControllerManagerFlags(spec: Pick<VirtualClusterSpec, 'replicas'>) {
  const file = (name: string) => `${FILES_DIRECTORY}/${name}`;
  return {
    kubeconfig: file('kubeconfig'),
    controllers: ['*', ...HOST_CONTROLLERS.map((controller) => `-${controller}`)],
    'use-service-account-credentials': true,
    'service-account-private-key-file': file('sa.key'),
    'root-ca-file': file('ca.crt'),
    'cluster-signing-cert-file': file('ca.crt'),
    'cluster-signing-key-file': file('ca.key'),
    ...electionFlags(spec),
    'secure-port': PORTS.controllerManager,
    // The API server is beside it and has its own fairness: the default of 20 a second makes a rollout of hundreds of pods crawl.
    'kube-api-qps': 200,
    'kube-api-burst': 400,
    profiling: false,
    v: 1,
  };
}
