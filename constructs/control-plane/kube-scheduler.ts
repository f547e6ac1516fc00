import type { Container } from 'kubernetes-types/core/v1';
import type { VirtualClusterSpec } from '../spec';
import { containerResources } from './container-resources';
import { containerSecurity } from './container-security';
import { electionFlags } from './election';
import { commandLine } from './flags';
import { PORTS } from './ports';
import { probes } from './probes';
import { FILES_DIRECTORY, filesMount } from './volumes';

/** Upstream's scheduler, where the virtual cluster has one of its own. */
export function kubeSchedulerContainer(spec: VirtualClusterSpec): Container {
  return {
    name: 'kube-scheduler',
    image: spec.images.kubeScheduler,
    imagePullPolicy: 'IfNotPresent',
    command: ['kube-scheduler'],
    args: commandLine(kubeSchedulerFlags(spec)),
    ports: [{ name: 'scheduler', containerPort: PORTS.scheduler, protocol: 'TCP' }],
    ...probes({ port: PORTS.scheduler, scheme: 'HTTPS', live: '/livez', ready: '/readyz' }),
    resources: containerResources(spec.resources.kubeScheduler),
    securityContext: containerSecurity(),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [filesMount('kube-scheduler')],
  };
}

/** Flags of kube-scheduler. Its own port serves health to anybody and nothing else, as that of kube-controller-manager does. */
export function kubeSchedulerFlags(spec: Pick<VirtualClusterSpec, 'replicas'>) {
  return {
    kubeconfig: `${FILES_DIRECTORY}/kubeconfig`,
    ...electionFlags(spec),
    'secure-port': PORTS.scheduler,
    // As for kube-controller-manager: the API server is beside it and has its own fairness.
    'kube-api-qps': 200,
    'kube-api-burst': 400,
    profiling: false,
    v: 1,
  };
}
