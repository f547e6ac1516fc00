import { CONFIGURATION_FILE, serviceWebhookWay, STORE_PEER_NAME, type SyncerConfiguration } from '../configuration';
import type { KeyPair } from './certificate';
import {
  admissionConfiguration,
  authenticationConfiguration,
  egressSelectorConfiguration,
  type PodLayout,
  serviceWebhook,
  STATIC_MANIFESTS,
} from './api-server-configuration';
import { formatKubeconfig } from './kubeconfig';
import { type Material, MATERIAL_KEYS } from './material';
import { type AuthorityName, hasStoreMembers, type SharedLeafName } from './plan';

/** Name of the file, among the syncer's own, with the webhook that it has to make in the virtual cluster; absent where that is none. */
export const SERVICE_WEBHOOK_FILE = 'service-webhook.json';

/** Containers that get files of their own: the first folder below the directory. */
export type FilesOf = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'syncer';

/** Where a running control plane has its authorities' certificates; that of the admission webhook is in a manifest. */
export const AUTHORITY_FILES: Readonly<Partial<Record<AuthorityName, string>>> = {
  ca: 'kube-apiserver/ca.crt',
  'etcd-ca': 'etcd/ca.crt',
  'front-proxy-ca': 'kube-apiserver/front-proxy-ca.crt',
  'kubelet-ca': 'kube-apiserver/kubelet-ca.crt',
  'kubelet-client-ca': 'syncer/kubelet-client-ca.crt',
};

/**
 * Every file that the control plane's containers read, by path below the directory. A container sees its own folder only, so
 * keys are in no more folders than need them.
 */
export function controlPlaneFiles(
  material: Material,
  apiServer: KeyPair,
  layout: PodLayout,
  configuration: SyncerConfiguration,
): Map<string, string> {
  const files = new Map<string, string>();
  const put = (container: FilesOf, name: string, content: string) => files.set(`${container}/${name}`, content);
  const putPair = (container: FilesOf, name: string, leaf: SharedLeafName | AuthorityName) => {
    // The key first: who reads the two when the certificate changes finds its key there.
    put(container, `${name}.key`, material.get(`${leaf}.key`));
    put(container, `${name}.crt`, material.get(`${leaf}.crt`));
  };
  const putAuthority = (container: FilesOf, name: string, authority: AuthorityName) =>
    put(container, `${name}.crt`, material.get(`${authority}.crt`));

  putAuthority('etcd', 'ca', 'etcd-ca');
  putPair('etcd', 'server', 'etcd-server');
  if (hasStoreMembers(configuration)) putPair('etcd', 'peer', STORE_PEER_NAME);

  putAuthority('kube-apiserver', 'ca', 'ca');
  put('kube-apiserver', 'server.key', apiServer.key);
  put('kube-apiserver', 'server.crt', apiServer.certificate);
  put('kube-apiserver', 'sa.pub', material.get(MATERIAL_KEYS.tokenPublicKey));
  put('kube-apiserver', 'sa.key', material.get(MATERIAL_KEYS.tokenKey));
  putAuthority('kube-apiserver', 'etcd-ca', 'etcd-ca');
  putPair('kube-apiserver', 'etcd-client', 'etcd-client');
  putAuthority('kube-apiserver', 'kubelet-ca', 'kubelet-ca');
  putPair('kube-apiserver', 'kubelet-client', 'kubelet-client');
  putAuthority('kube-apiserver', 'front-proxy-ca', 'front-proxy-ca');
  putPair('kube-apiserver', 'front-proxy-client', 'front-proxy-client');
  put('kube-apiserver', 'egress-selector.yaml', egressSelectorConfiguration(layout));
  put('kube-apiserver', 'authentication.yaml', authenticationConfiguration());
  const way = serviceWebhookWay(configuration.virtualCluster.version);
  put('kube-apiserver', 'admission.yaml', admissionConfiguration(layout, way));
  const access = {
    path: material.get(MATERIAL_KEYS.admissionPath),
    certificateAuthority: material.get('admission-ca.crt'),
  };
  const webhook = serviceWebhook(layout, access, way);
  if (way === 'object') put('syncer', SERVICE_WEBHOOK_FILE, webhook);
  else put('kube-apiserver', `${STATIC_MANIFESTS}/service.yaml`, webhook);

  const putKubeconfig = (container: 'kube-controller-manager' | 'kube-scheduler') =>
    put(
      container,
      'kubeconfig',
      formatKubeconfig({
        name: 'virtual-cluster',
        server: `https://127.0.0.1:${layout.apiServerPort}`,
        certificateAuthority: material.get('ca.crt'),
        user: container,
        // Files, which it reads again: what is inside of a kubeconfig, it reads once.
        client: { certificateFile: 'client.crt', keyFile: 'client.key' },
      }),
    );

  putKubeconfig('kube-controller-manager');
  putPair('kube-controller-manager', 'client', 'controller-manager');
  putPair('kube-controller-manager', 'ca', 'ca');
  put('kube-controller-manager', 'sa.key', material.get(MATERIAL_KEYS.tokenKey));
  putAuthority('kube-controller-manager', 'front-proxy-ca', 'front-proxy-ca');

  if (configuration.scheduling.scheduler === 'virtual') {
    putKubeconfig('kube-scheduler');
    putPair('kube-scheduler', 'client', 'scheduler');
  }

  putAuthority('syncer', 'ca', 'ca');
  putPair('syncer', 'client', 'syncer');
  putPair('syncer', 'admin', 'admin');
  putPair('syncer', 'kubelet-ca', 'kubelet-ca');
  putAuthority('syncer', 'kubelet-client-ca', 'kubelet-client-ca');
  putAuthority('syncer', 'front-proxy-ca', 'front-proxy-ca');
  putPair('syncer', 'admission', 'admission');
  // It defragments the store.
  putAuthority('syncer', 'etcd-ca', 'etcd-ca');
  putPair('syncer', 'etcd-client', 'etcd-client');
  put('syncer', 'admission-path', material.get(MATERIAL_KEYS.admissionPath));
  put('syncer', CONFIGURATION_FILE, JSON.stringify(configuration));
  return files;
}
