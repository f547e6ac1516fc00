import type { Metrics } from './engine';
import type { GatewayMetrics } from './gateway';

/** Shows what the gateway counts as the process's metrics: it may not know the engine, nor the engine it. */
export function gatewayMetrics(metrics: Metrics): GatewayMetrics {
  const open = metrics.gauge('nestling_gateway_tunnels', 'Tunnels of the API server that are open.', ['target']);
  const opened = metrics.counter('nestling_gateway_tunnels_opened_total', 'Tunnels opened for the API server.', [
    'target',
  ]);
  const refused = metrics.counter(
    'nestling_gateway_tunnels_refused_total',
    'Tunnels that the API server asked for and did not get, by reason.',
    ['reason'],
  );
  const requests = metrics.counter(
    'nestling_gateway_kubelet_requests_total',
    'Requests to virtual nodes, by call and status of the answer; a stream counts when it begins.',
    ['call', 'code'],
  );
  return {
    tunnelOpened(kind) {
      open.inc({ target: kind });
      opened.inc({ target: kind });
    },
    tunnelClosed(kind) {
      open.dec({ target: kind });
    },
    tunnelRefused(reason) {
      refused.inc({ reason });
    },
    kubeletRequest(call, status) {
      requests.inc({ call, code: String(status) });
    },
  };
}
