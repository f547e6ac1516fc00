import type { Container, EphemeralContainer, Pod, PodSpec, Volume, VolumeMount } from 'kubernetes-types/core/v1';
import type { TranslationContext } from './context';
import { podHostname } from './hostname';

/*
 * The /etc/hosts of a pod with a subdomain (a StatefulSet's), by which `hostname -f` answers
 * `web-0.SVC.NAMESPACE.svc.DOMAIN`. A kubelet would write the host's namespace and domain into its own, so an init container
 * writes another one, which all containers mount in its place. Why not otherwise: docs/decisions/0014-hosts-file.md.
 */

/** Where kubelets put theirs, unless a container mounts something exactly there. */
const HOSTS_FILE = '/etc/hosts';
/** What the volume and the init container are called, unless the pod has one of that name. */
const NAME = 'nestling-hosts';
const DIRECTORY = '/nestling';
const FILE = 'hosts';
/** The program in the syncer's image: images/pod-hosts. */
const PROGRAM = '/pod-hosts';
/** Any user but root: the volume is writable by all. */
const USER = 65532;
/** Longest host name that Linux takes, in bytes. */
const MAX_KERNEL_HOSTNAME = 64;

/** What the init container takes from the pod's first one. Extended resources are left out, which it has no use for. */
const SHARED_RESOURCES = ['cpu', 'memory', 'ephemeral-storage'] as const;

/** The FQDN of a pod that a kubelet of an ordinary cluster would give one; undefined for all others. */
function podFQDN({ metadata, spec }: Pod, clusterDomain: string): string | undefined {
  // With hostnameOverride a kubelet writes no domain, and to the node's own file nothing of the pod.
  if (!spec?.subdomain || spec.hostNetwork === true || hasOverride(spec)) return undefined;
  const hostname = podHostname(spec, metadata?.name ?? '');
  return `${hostname}.${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`;
}

/** Why a pod's FQDN cannot be its host name as it asks for (`setHostnameAsFQDN`); undefined when it can, or need not. */
export function fqdnProblem(pod: Pod, clusterDomain: string): string | undefined {
  const fqdn = podFQDN(pod, clusterDomain);
  if (pod.spec?.setHostnameAsFQDN !== true || fqdn === undefined || fqdn.length <= MAX_KERNEL_HOSTNAME)
    return undefined;
  return `makes ${fqdn} the host name, which has more than ${MAX_KERNEL_HOSTNAME} characters; leave it out, or shorten the pod's name, subdomain or namespace`;
}

/**
 * Name of the init container that the host pod has for a virtual pod's /etc/hosts, and the virtual pod has not; undefined
 * where it needs none. It depends only on what no pod can change.
 */
export function hostsContainerName(pod: Pod, context: HostsContext): string | undefined {
  if (context.helperImage === undefined || onWindows(pod.spec)) return undefined;
  if (podFQDN(pod, context.clusterDomain) === undefined) return undefined;
  return unusedName([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]);
}

/** What of a translation's context matters here. */
export type HostsContext = Pick<TranslationContext, 'clusterDomain' | 'helperImage'>;

/** Gives the host pod the init container, its volume and the mounts, where the virtual pod has a subdomain. */
export function addHostsFile(hostSpec: PodSpec, pod: Pod, context: HostsContext): void {
  const fqdn = podFQDN(pod, context.clusterDomain);
  // The host pod has no subdomain, so its kubelet would make the short name the host name. The override, which is in
  // 1.35 and newer, goes with neither.
  if (fqdn !== undefined && pod.spec?.setHostnameAsFQDN === true) {
    delete hostSpec.setHostnameAsFQDN;
    Object.assign(hostSpec, { hostnameOverride: fqdn });
  }
  const name = hostsContainerName(pod, context);
  if (name === undefined || fqdn === undefined || context.helperImage === undefined) return;
  const volume = unusedName(pod.spec?.volumes ?? []);
  const lines = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => [ip, ...(hostnames ?? [])].join('\t'));
  for (const container of [...(hostSpec.initContainers ?? []), ...(hostSpec.containers ?? [])]) {
    addMount(container, { name: volume, mountPath: HOSTS_FILE, subPath: FILE });
  }
  const emptyDir: Volume = { name: volume, emptyDir: {} };
  hostSpec.volumes = [...(hostSpec.volumes ?? []), emptyDir];
  const init: Container = {
    name,
    image: context.helperImage,
    imagePullPolicy: 'IfNotPresent',
    command: [PROGRAM, `${DIRECTORY}/${FILE}`, fqdn, podHostname(pod.spec, pod.metadata?.name ?? '') ?? '', ...lines],
    env: [{ name: 'POD_IPS', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIPs' } } }],
    volumeMounts: [{ name: volume, mountPath: DIRECTORY }],
    ...sharedResources(pod.spec),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
  // First, for the addresses are new with each sandbox, in which all init containers run again, and the others read them.
  hostSpec.initContainers = [init, ...(hostSpec.initContainers ?? [])];
}

/**
 * Requests and limits of the pod's first container: a pod counts for the most that an init container or all containers
 * together ask for, so that this adds nothing, in no quota is anything missing, and the quality of service stays.
 */
function sharedResources(spec: PodSpec | undefined): Pick<Container, 'resources'> {
  const first = spec?.containers?.[0]?.resources;
  const resources: NonNullable<Container['resources']> = {};
  for (const list of ['limits', 'requests'] as const) {
    const entries = SHARED_RESOURCES.flatMap((name): [string, string][] => {
      const amount = first?.[list]?.[name];
      return amount === undefined ? [] : [[name, amount]];
    });
    if (entries.length > 0) resources[list] = Object.fromEntries(entries);
  }
  return Object.keys(resources).length > 0 ? { resources } : {};
}

/** As a kubelet: a container that mounts something of its own there keeps it. */
function addMount(container: Pick<Container, 'volumeMounts'>, mount: VolumeMount): void {
  const mounts = container.volumeMounts ?? [];
  if (mounts.some(({ mountPath }) => mountPath === HOSTS_FILE)) return;
  container.volumeMounts = [...mounts, mount];
}

function unusedName(present: readonly Pick<Container | EphemeralContainer | Volume, 'name'>[]): string {
  const taken = new Set(present.map(({ name }) => name));
  let name = NAME;
  for (let count = 2; taken.has(name); count++) name = `${NAME}-${count}`;
  return name;
}

function hasOverride(spec: PodSpec): boolean {
  return Boolean((spec as { hostnameOverride?: string }).hostnameOverride);
}

/** There a kubelet mounts no hosts file, and the security context above is refused. */
function onWindows(spec: PodSpec | undefined): boolean {
  return spec?.os?.name === 'windows';
}
