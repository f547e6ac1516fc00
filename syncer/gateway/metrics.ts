import type { RefusalReason, TargetKind } from './target';

/** What the gateway counts; main wires it to the process's metrics. No label carries anything that a tenant chose. */
export interface GatewayMetrics {
  tunnelOpened(kind: TargetKind): void;
  tunnelClosed(kind: TargetKind): void;
  /** A CONNECT request that was not granted. */
  tunnelRefused(reason: RefusalReason | 'busy' | 'unreachable' | 'not-ready'): void;
  /** A request to the kubelet façade was answered (for streams: when they began). @param call such as `exec` */
  kubeletRequest(call: string, status: number): void;
}

/** Counts nothing. */
export const noMetrics: GatewayMetrics = {
  tunnelOpened: () => undefined,
  tunnelClosed: () => undefined,
  tunnelRefused: () => undefined,
  kubeletRequest: () => undefined,
};
