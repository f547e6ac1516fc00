import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Affinity, Container, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import {
  controlPlaneLabels,
  controlPlaneNames,
  controlPlaneSelector,
  REPLICAS_ANNOTATION,
} from '../../syncer/configuration';
import { isEmbedded, type StoreSpec, type VirtualClusterSpec } from '../spec';
import { configurationHash } from './configuration';
import { POD_SECURITY_CONTEXT } from './container-security';
import { etcdContainer } from './etcd';
import { kineContainer } from './kine';
import { kubeApiServerContainer } from './kube-api-server';
import { kubeControllerManagerContainer } from './kube-controller-manager';
import { kubeSchedulerContainer } from './kube-scheduler';
import { pkiContainer, syncerContainer } from './syncer';
import { podVolumes, STORE_VOLUME } from './volumes';

/** On the pod template: changes with the syncer's configuration. */
export const CONFIGURATION_HASH_ANNOTATION = 'nestling.dev/configuration-hash';

/** Seconds from the order to stop until the kill. A stop takes about five; a kill of anything but etcd loses nothing. */
const STOP_SECONDS = 30;

/** The control plane's pod and its volume. */
export function statefulSet(spec: VirtualClusterSpec): StatefulSet {
  const names = controlPlaneNames(spec.name);
  const { store } = spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: names.statefulSet, namespace: spec.namespace, labels: controlPlaneLabels(spec.name) },
    spec: {
      // Left out where it would wake a cluster that sleeps; the API server's default is one.
      ...(spec.sleep === undefined ? { replicas: spec.replicas } : {}),
      serviceName: names.storeService,
      // It can never be changed, and members of the store that were all stopped need one another to become ready.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      revisionHistoryLimit: 3,
      selector: { matchLabels: controlPlaneSelector(spec.name) },
      template: {
        metadata: {
          labels: controlPlaneLabels(spec.name),
          annotations: {
            [CONFIGURATION_HASH_ANNOTATION]: configurationHash(spec),
            ...(spec.replicas === 1 ? {} : { [REPLICAS_ANNOTATION]: String(spec.replicas) }),
            'kubectl.kubernetes.io/default-container': 'syncer',
          },
        },
        spec: {
          serviceAccountName: names.serviceAccount,
          automountServiceAccountToken: false,
          // The variables of every Service in the namespace, tenants' too, are no input for a control plane.
          enableServiceLinks: false,
          terminationGracePeriodSeconds: STOP_SECONDS,
          ...(spec.replicas === 1 ? {} : { affinity: apart(spec) }),
          securityContext: POD_SECURITY_CONTEXT,
          initContainers: [pkiContainer(spec)],
          // The kubelet starts them in this order. The controllers come last: they give up when the API server takes over ten seconds.
          containers: [
            ...storeContainers(spec),
            kubeApiServerContainer(spec),
            syncerContainer(spec),
            kubeControllerManagerContainer(spec),
            ...(spec.configuration.scheduling.scheduler === 'virtual' ? [kubeSchedulerContainer(spec)] : []),
          ],
          volumes: podVolumes(spec),
        },
      },
      ...claims(store),
    },
  };
}

/** Each replica on a node of its own, as far as there are nodes. */
function apart({ name }: VirtualClusterSpec): Affinity {
  const podAffinityTerm = {
    labelSelector: { matchLabels: controlPlaneSelector(name) },
    topologyKey: 'kubernetes.io/hostname',
  };
  return { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] } };
}

/** The store, unless it is somewhere else. */
function storeContainers(spec: VirtualClusterSpec): Container[] {
  const { store } = spec;
  if (store.type === 'etcd') return [];
  return [isEmbedded(store) ? etcdContainer(spec, store) : kineContainer(spec, store)];
}

function claims(store: StoreSpec): Partial<NonNullable<StatefulSet['spec']>> {
  if (store.type !== 'persistent') return {};
  // With all that the API server would add: kubectl compares this list as a whole, and would else report a change on every apply.
  const claim: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: STORE_VOLUME },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: store.size } },
      ...(store.storageClassName === undefined ? {} : { storageClassName: store.storageClassName }),
      volumeMode: 'Filesystem',
    },
    status: { phase: 'Pending' },
  };
  return {
    volumeClaimTemplates: [claim],
    // A cluster that is scaled to none is paused, not gone.
    persistentVolumeClaimRetentionPolicy: { whenDeleted: store.retain ? 'Retain' : 'Delete', whenScaled: 'Retain' },
  };
}
