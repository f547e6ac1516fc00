import type { Volume, VolumeMount } from 'kubernetes-types/core/v1';
import { controlPlaneNames, STORE_DIRECTORY } from '../../syncer/configuration';
import type { VirtualClusterSpec } from '../spec';

/** Folder in which every container finds its own keys, certificates and configuration files. */
export const FILES_DIRECTORY = '/etc/nestling';
/** Folder with the syncer's configuration document. */
export const CONFIGURATION_DIRECTORY = '/etc/nestling-configuration';
/** Folder of the unix sockets between API server and syncer. */
export const RUN_DIRECTORY = '/run/nestling';
const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Name of the store's volume, and of its claim template. */
export const STORE_VOLUME = 'data';

/** Folders that the init container makes: one per upstream program, which sees no other's. */
export type FilesOf = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

/** A container's own files, read-only. */
export function filesMount(container: FilesOf): VolumeMount {
  return { name: 'files', mountPath: FILES_DIRECTORY, subPath: container, readOnly: true };
}

/** Everybody's files, to write: for the init container, and the syncer, which renews certificates. */
export const ALL_FILES_MOUNT: VolumeMount = { name: 'files', mountPath: FILES_DIRECTORY };
export const CONFIGURATION_MOUNT: VolumeMount = {
  name: 'configuration',
  mountPath: CONFIGURATION_DIRECTORY,
  readOnly: true,
};
export const RUN_MOUNT: VolumeMount = { name: 'run', mountPath: RUN_DIRECTORY };
export const SERVICE_ACCOUNT_MOUNT: VolumeMount = {
  name: 'service-account',
  mountPath: SERVICE_ACCOUNT_DIRECTORY,
  readOnly: true,
};
/** Folder with what the Secret of an etcd outside holds. */
export const STORE_SECRET_DIRECTORY = '/etc/nestling-store';
export const STORE_SECRET_MOUNT: VolumeMount = {
  name: 'store-secret',
  mountPath: STORE_SECRET_DIRECTORY,
  readOnly: true,
};
export const STORE_MOUNT: VolumeMount = { name: STORE_VOLUME, mountPath: STORE_DIRECTORY };

/** The pod's volumes; that of a persistent store comes from the claim template. */
export function podVolumes(spec: VirtualClusterSpec): Volume[] {
  return [
    // Keys stay in memory: they never reach a disk of the node.
    { name: 'files', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
    { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'configuration', configMap: { name: controlPlaneNames(spec.name).configuration } },
    {
      name: 'service-account',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
            },
          },
        ],
      },
    },
    ...(spec.store.type === 'ephemeral' ? [{ name: STORE_VOLUME, emptyDir: { sizeLimit: spec.store.size } }] : []),
    ...(spec.store.type === 'etcd'
      ? [{ name: STORE_SECRET_MOUNT.name, secret: { secretName: spec.store.secretName, defaultMode: 0o440 } }]
      : []),
  ];
}
