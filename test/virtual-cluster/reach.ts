import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import type { Service } from 'kubernetes-types/core/v1';
import type { ControlPlaneNames } from '../../syncer/configuration';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import type { Host } from '../host-cluster';

/** A way to a virtual API server from this machine. */
export interface Reach {
  /** `https://ADDRESS:PORT`; the server's certificate is valid for it. */
  readonly server: string;
  close(): Promise<void>;
}

const API_SERVER_PORT = 6443;

/** The Service's own address where its range is routed here (the test bed), else a port forwarded by the host's API server. */
export async function reach(
  host: Host,
  client: KubeClient,
  namespace: string,
  names: ControlPlaneNames,
): Promise<Reach> {
  if (host.kind === 'node') {
    const service = await client.get<Service>(resources.services, { namespace, name: names.apiServerService });
    return { server: `https://${service.spec?.clusterIP}:443`, close: () => Promise.resolve() };
  }
  const config = new KubeConfig();
  config.loadFromFile(host.kubeconfigPath);
  if (host.context !== undefined) config.setCurrentContext(host.context);
  const forward = new PortForward(config);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    forward.portForward(namespace, names.pod, [API_SERVER_PORT], socket, null, socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
