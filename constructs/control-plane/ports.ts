import { STORE_PEER_PORT } from '../../syncer/configuration';

/** Ports of the control-plane pod. All but the API server's and the members' of the store serve probes and metrics only. */
export const PORTS = {
  /** kube-apiserver; Service NAME leads 443 to it. */
  apiServer: 6443,
  /** etcd, for its other members: open where there are several, with certificates on both sides. */
  etcdPeer: STORE_PEER_PORT,
  /** etcd, health and metrics without keys or values. */
  etcdMetrics: 2381,
  /** kube-controller-manager. */
  controllerManager: 10257,
  /** kube-scheduler. */
  scheduler: 10259,
  /** Syncer, health and metrics. */
  syncer: 8080,
} as const;

/** Port of Service NAME. */
export const API_SERVER_SERVICE_PORT = 443;
