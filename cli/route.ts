import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlaneSelector } from '../syncer/configuration';
import { KubeClient, resources } from '../syncer/kube-client';
import type { ClusterConnection } from '../syncer/kube-client';
import { Failure } from './failure';
import type { HostCluster } from './host';
import { credentialsOf } from './kubeconfig';
import type { Credentials } from './kubeconfig';
import type { Route } from './port-forward';
import { isReady } from './waiting';

/** Where the virtual API server listens in its pod. */
const API_SERVER_PORT = 6443;
/** Credentials of a plugin are asked for anew this long before they end. */
const RENEW_MS = 30_000;

/** The way to the API server of a virtual cluster: a pod of its control plane that is ready, with credentials that are good still. */
export function apiServerRoute({ client: first, context }: HostCluster, name: string, namespace: string): Route {
  const labelSelector = Object.entries(controlPlaneSelector(name))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  let credentials: Credentials | undefined;
  let client = first;
  const connection = async (): Promise<ClusterConnection> => {
    if (credentials === undefined) credentials = await credentialsOf(context);
    else if ((credentials.expires ?? Infinity) < Date.now() + RENEW_MS) {
      credentials = await credentialsOf(context);
      await client.close();
      client = new KubeClient(credentials.connection, { userAgent: 'nestling-cli' });
    }
    return credentials.connection;
  };
  return async () => {
    const reached = await connection();
    const { items } = await client.list<Pod>(resources.pods, { namespace, labelSelector });
    // The API server may answer while the syncer of its pod starts anew.
    const apiRuns = (pod: Pod): boolean =>
      pod.status?.containerStatuses?.some((one) => one.name === 'kube-apiserver' && one.ready) ?? false;
    const pod = items.find(isReady) ?? items.find(apiRuns);
    if (pod === undefined) {
      throw new Failure(
        `virtual cluster ${namespace}/${name} has no pod that answers: see nestling describe ${name} -n ${namespace}`,
      );
    }
    return {
      connection: reached,
      target: { namespace, pod: pod.metadata?.name ?? '', port: API_SERVER_PORT },
    };
  };
}
