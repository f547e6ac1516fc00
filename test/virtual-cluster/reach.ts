import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
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
  /** What a person runs to have the same address answer after `close`; undefined where it answers anyway. */
  readonly command?: string;
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
  config.setCurrentContext(host.context);
  const forward = new PortForward(config);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    forward.portForward(namespace, names.pod, [API_SERVER_PORT], socket, null, socket).then(
      (webSocket) => {
        if (typeof webSocket === 'function') return; // only where retries are asked for
        // Each end takes the other with it, which the library leaves to us.
        webSocket.onclose = () => socket.destroy();
        socket.once('close', () => webSocket.terminate());
        if (socket.destroyed) webSocket.terminate();
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    server: `https://127.0.0.1:${port}`,
    command:
      `kubectl --kubeconfig ${host.kubeconfigPath} --context ${host.context} -n ${namespace} ` +
      `port-forward service/${names.apiServerService} ${port}:443`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
