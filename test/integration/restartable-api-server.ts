import type { ClusterConnection } from '../../syncer/kube-client';
import { type RunningApiServer, startApiServer } from '../host-cluster/api-server';

/** The test bed's API server under the names that tests of initialisation use. */
export class RestartableApiServer {
  private constructor(private readonly server: RunningApiServer) {}

  /** Starts etcd and kube-apiserver on loopback. @param flags of kube-apiserver */
  static async start(name: string, flags: readonly string[] = []): Promise<RestartableApiServer> {
    return new RestartableApiServer(await startApiServer({ name, flags }));
  }

  get connection(): ClusterConnection {
    return this.server.connection;
  }

  connectionFor(user: string, ...groups: string[]): Promise<ClusterConnection> {
    return Promise.resolve(this.server.connectionFor(user, ...groups));
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
