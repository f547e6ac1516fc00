import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterConnection } from '../../syncer/kube-client';
import { Authority, tokenKeys } from './certificates';
import { writeKubeconfig } from './kubeconfig';

/** Where a control plane listens and keeps its files; used for host clusters and for bare API servers alike. */
export interface ControlPlaneLayout {
  readonly name: string;
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly serviceCIDR: string;
  /** Addresses and names of the serving certificate beside the usual ones. */
  readonly addresses: readonly string[];
  readonly clusterDomain: string;
}

/** The keys of a control plane, in memory and as files. */
export interface ControlPlaneIdentity {
  readonly authority: Authority;
  /** A cluster administrator. */
  readonly admin: ClusterConnection;
  /** A connection for another user of the cluster. */
  connectionFor(commonName: string, ...organizations: string[]): ClusterConnection;
  /** Path of a file with keys. */
  file(name: string): string;
}

/** Makes all keys and certificates of a control plane and writes the files that its programs read. */
export function createIdentity(layout: ControlPlaneLayout): ControlPlaneIdentity {
  const directory = join(layout.directory, 'pki');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(directory, name);
  const server = `https://${layout.address}:${layout.port}`;
  const authority = new Authority(`${layout.name}-ca`);
  const frontProxy = new Authority('front-proxy-ca');
  const connectionFor = (commonName: string, ...organizations: string[]): ClusterConnection => {
    const { certificate, key } = authority.issue({ commonName, organizations });
    return { server, certificateAuthority: authority.pem.certificate, clientCertificate: certificate, clientKey: key };
  };
  const serving = authority.issue({
    commonName: 'kube-apiserver',
    dnsNames: [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      `kubernetes.default.svc.${layout.clusterDomain}`,
    ],
    addresses: [...new Set([layout.address, '127.0.0.1', ...layout.addresses])],
  });
  const kubeletClient = authority.issue({
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['system:masters'],
  });
  const frontProxyClient = frontProxy.issue({ commonName: 'front-proxy-client' });
  const admin = connectionFor('kubernetes-admin', 'system:masters');
  const tokens = tokenKeys();
  const files: Record<string, string> = {
    'ca.crt': authority.pem.certificate,
    'ca.key': authority.pem.key,
    'server.crt': serving.certificate,
    'server.key': serving.key,
    'kubelet-client.crt': kubeletClient.certificate,
    'kubelet-client.key': kubeletClient.key,
    'front-proxy-ca.crt': frontProxy.pem.certificate,
    'front-proxy-client.crt': frontProxyClient.certificate,
    'front-proxy-client.key': frontProxyClient.key,
    'tokens.pub': tokens.publicKey,
    'tokens.key': tokens.privateKey,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(file(name), content, { mode: 0o600 });
  return { authority, admin, connectionFor, file };
}

/** etcd's command line. Its data lives as long as the test cluster: no need to wait for the disk. */
export function etcdCommand(binary: string, layout: ControlPlaneLayout): string[] {
  const client = `http://127.0.0.1:${layout.etcdPort}`;
  const peer = `http://127.0.0.1:${layout.etcdPeerPort}`;
  return [
    binary,
    '--name=default',
    `--data-dir=${join(layout.directory, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** kube-apiserver's command line: ordinary flags, all features as upstream ships them. */
export function apiServerCommand(
  binary: string,
  layout: ControlPlaneLayout,
  identity: ControlPlaneIdentity,
  more: readonly string[] = [],
): string[] {
  const { file } = identity;
  return [
    binary,
    `--advertise-address=${layout.address}`,
    `--bind-address=${layout.address}`,
    `--secure-port=${layout.port}`,
    `--etcd-servers=http://127.0.0.1:${layout.etcdPort}`,
    `--service-cluster-ip-range=${layout.serviceCIDR}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--kubelet-certificate-authority=${file('ca.crt')}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    // Names of nodes resolve nowhere: without this, logs and exec would try to.
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${file('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${file('front-proxy-client.key')}`,
    `--service-account-issuer=https://kubernetes.default.svc.${layout.clusterDomain}`,
    `--service-account-key-file=${file('tokens.pub')}`,
    `--service-account-signing-key-file=${file('tokens.key')}`,
    '--profiling=false',
    ...more,
  ];
}

/** Writes a kubeconfig for a user of the cluster beside the keys; gives its path. */
export function userKubeconfig(
  layout: ControlPlaneLayout,
  identity: ControlPlaneIdentity,
  user: string,
  ...groups: string[]
): string {
  const path = identity.file(`${user.replaceAll(':', '-')}.kubeconfig`);
  writeKubeconfig(path, layout.name, identity.connectionFor(user, ...groups));
  return path;
}

/** kube-controller-manager's command line. */
export function controllerManagerCommand(
  binary: string,
  layout: ControlPlaneLayout,
  identity: ControlPlaneIdentity,
  more: readonly string[] = [],
): string[] {
  const kubeconfig = userKubeconfig(layout, identity, 'system:kube-controller-manager');
  const { file } = identity;
  return [
    binary,
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    // The flag is a list that grows: given twice, both would count.
    ...(more.some((flag) => flag.startsWith('--controllers=')) ? [] : ['--controllers=*,bootstrapsigner,tokencleaner']),
    `--root-ca-file=${file('ca.crt')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
    `--cluster-signing-cert-file=${file('ca.crt')}`,
    `--cluster-signing-key-file=${file('ca.key')}`,
    `--service-account-private-key-file=${file('tokens.key')}`,
    `--service-cluster-ip-range=${layout.serviceCIDR}`,
    '--kube-api-qps=300',
    '--kube-api-burst=600',
    '--profiling=false',
    ...more,
  ];
}

/** kube-scheduler's command line. */
export function schedulerCommand(
  binary: string,
  layout: ControlPlaneLayout,
  identity: ControlPlaneIdentity,
  more: readonly string[] = [],
): string[] {
  const kubeconfig = userKubeconfig(layout, identity, 'system:kube-scheduler');
  const configuration = join(layout.directory, 'kube-scheduler.yaml');
  writeFileSync(
    configuration,
    stringify({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      leaderElection: { leaderElect: false },
      clientConnection: { kubeconfig, qps: 300, burst: 600 },
      enableProfiling: false,
    }),
  );
  return [
    binary,
    `--config=${configuration}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${layout.address}`,
    ...more,
  ];
}
