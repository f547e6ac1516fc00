import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlaneSelector } from '../syncer/configuration';
import { labelSelectorOf, resources } from '../syncer/kube-client';
import { Failure } from './failure';
import type { HostAccess } from './host-access';
import type { Route } from './port-forward';
import { isReady } from './waiting';

/** Where the virtual API server listens in its pod. */
const API_SERVER_PORT = 6443;

/** The way to the API server of a virtual cluster: a pod of its control plane that is ready, with credentials that are good still. */
export function apiServerRoute(access: HostAccess, name: string, namespace: string): Route {
  const labelSelector = labelSelectorOf(controlPlaneSelector(name));
  return () =>
    access.call(async (client) => {
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
        connection: client.connection,
        target: { namespace, pod: pod.metadata?.name ?? '', port: API_SERVER_PORT },
      };
    });
}
