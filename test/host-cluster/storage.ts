import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AnyObject } from './api';
import type { ClusterPlan } from './plan';
import { userRights } from './user-rights';

/** The image of the pods that make and remove a volume's directory on its node. */
export const HELPER_IMAGE = 'docker.io/library/busybox:1.35';
/** The user as whom the provisioner works. */
export const PROVISIONER_USER = 'local-path-provisioner';

const namespace = 'local-path-storage';
const configMap = 'local-path-config';
const provisioner = 'rancher.io/local-path';

const configuration = {
  nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: ['/var/lib/local-path-provisioner'] }],
};
const helperPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'helper-pod' },
  spec: {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    priorityClassName: 'system-node-critical',
    containers: [{ name: 'helper-pod', image: HELPER_IMAGE, imagePullPolicy: 'IfNotPresent' }],
  },
};

/** The objects of the default StorageClass. */
export function storageObjects(): AnyObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: PROVISIONER_USER, namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: configMap, namespace },
      data: {
        'config.json': JSON.stringify(configuration),
        'helperPod.yaml': stringify(helperPod),
        setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
        teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
      },
    },
    ...userRights(PROVISIONER_USER, [
      {
        apiGroups: [''],
        resources: ['nodes', 'persistentvolumeclaims', 'configmaps', 'pods', 'pods/log', 'persistentvolumes'],
        verbs: ['*'],
      },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
    ]),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner,
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Delete',
    },
  ];
}

/** Writes the provisioner's files; gives its command line. It is a process of the first node, not a pod. */
export function prepareProvisioner(plan: ClusterPlan, binary: string, kubeconfig: string): string[] {
  const directory = join(plan.directory, 'local-path-provisioner');
  mkdirSync(directory, { recursive: true });
  const write = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  return [
    binary,
    'start',
    `--kubeconfig=${kubeconfig}`,
    `--config=${write('config.json', JSON.stringify(configuration))}`,
    `--helper-pod-file=${write('helper-pod.yaml', stringify(helperPod))}`,
    `--helper-image=${HELPER_IMAGE}`,
    `--configmap-name=${configMap}`,
    `--namespace=${namespace}`,
    `--service-account-name=${PROVISIONER_USER}`,
    `--provisioner-name=${provisioner}`,
  ];
}
