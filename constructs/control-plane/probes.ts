import type { Probe } from 'kubernetes-types/core/v1';

/** Where a container answers. */
export interface HealthEndpoint {
  readonly port: number;
  readonly scheme: 'HTTP' | 'HTTPS';
  /** Path that says whether the program must be restarted. */
  readonly live: string;
  /** Path that says whether it does its work. */
  readonly ready: string;
}

/** Seconds that a container may take to start before it is restarted: a loaded node must not turn a slow start into a loop. */
const START_SECONDS = 180;

/**
 * The three probes of a container. The startup probe asks every second, so that a quick start is seen at once; after that the
 * kubelet asks seldom, as many control planes share a node. Liveness is slow to act: a restart is no remedy for load.
 */
export function probes(endpoint: HealthEndpoint): { startupProbe: Probe; readinessProbe: Probe; livenessProbe: Probe } {
  const { port, scheme, live, ready } = endpoint;
  return {
    startupProbe: {
      httpGet: { path: live, port, scheme },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: START_SECONDS,
    },
    readinessProbe: {
      httpGet: { path: ready, port, scheme },
      periodSeconds: 5,
      timeoutSeconds: 10,
      failureThreshold: 3,
    },
    livenessProbe: {
      httpGet: { path: live, port, scheme },
      periodSeconds: 10,
      timeoutSeconds: 15,
      failureThreshold: 8,
    },
  };
}
