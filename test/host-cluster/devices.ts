import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyObject, Api } from './api';
import { CDI_DIRECTORY } from './container-runtime';
import type { NodePlan } from './plan';
import { userRights } from './user-rights';

/** The driver of the nodes' devices, and the name of the DeviceClass that stands for all of them. */
export const DEVICE_DRIVER = 'test-driver.cdi.k8s.io';
/** The user as whom a node's driver works. */
export const DEVICE_DRIVER_USER = 'dra-test-driver';

const DEVICES_OF_A_NODE = 4;

/** What the drivers may do, and the class of their devices: Kubernetes' own test driver asks for no more. */
export function deviceObjects(): AnyObject[] {
  return [
    ...userRights(DEVICE_DRIVER_USER, [
      { apiGroups: ['resource.k8s.io'], resources: ['resourceclaims'], verbs: ['get'] },
      {
        apiGroups: ['resource.k8s.io'],
        resources: ['resourceslices'],
        verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
    ]),
    {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'DeviceClass',
      metadata: { name: DEVICE_DRIVER },
      spec: {
        selectors: [{ cel: { expression: `device.driver == "${DEVICE_DRIVER}"` } }],
        // The driver makes `admin_class=all` of it, a variable of each container that has a device.
        config: [{ opaque: { driver: DEVICE_DRIVER, parameters: { class: 'all' } } }],
      },
    },
  ];
}

/** The command line of a node's driver: a process of the node, not a pod. */
export function deviceDriverCommand(node: NodePlan, binary: string, kubeconfig: string): string[] {
  return [
    binary,
    'kubelet-plugin',
    `--kubeconfig=${kubeconfig}`,
    `--drivername=${DEVICE_DRIVER}`,
    `--node-name=${node.name}`,
    `--num-devices=${DEVICES_OF_A_NODE}`,
    `--cdi-dir=${CDI_DIRECTORY}`,
  ];
}

/** Makes the directories in which a node's driver and its kubelet look for each other, whichever starts first. */
export function prepareDeviceDriver(node: NodePlan): void {
  const kubelet = join(node.directory, 'var-lib', 'kubelet'); // /var/lib/kubelet for the node's processes
  for (const directory of [join('plugins', DEVICE_DRIVER), 'plugins_registry']) {
    mkdirSync(join(kubelet, directory), { recursive: true, mode: 0o750 });
  }
}

interface DeviceSlice {
  readonly spec: { readonly nodeName?: string; readonly driver: string };
}

/** Waits until a node offers its devices. */
export async function whenDevicesOffered(api: Api, node: NodePlan, signal: AbortSignal): Promise<void> {
  await api.when<DeviceSlice>(
    '/apis/resource.k8s.io/v1/resourceslices',
    ({ spec }) => spec.nodeName === node.name && spec.driver === DEVICE_DRIVER,
    signal,
  );
}
