import { isIP } from 'node:net';
import { CONFIGURATION_DEFAULTS } from './defaults';
import type { ConfigurationProblem } from './error';
import { hostServiceContradictions } from './host-service-contradictions';
import { controlPlaneNames } from './names';
import type { SyncerConfiguration } from './schema';
import { syncContradictions } from './sync-contradictions';

/** Settings that are right by themselves and wrong together. This is the one place for rules across fields; those of custom resources and patches, and of Services on the other side, have files of their own. */
export function contradictions(configuration: SyncerConfiguration): ConfigurationProblem[] {
  return [
    ...workloadAccount(configuration),
    ...kubeconfigServers(configuration),
    ...kubeconfigSecrets(configuration),
    ...nodeAddress(configuration),
    ...csiDrivers(configuration),
    ...virtualScheduler(configuration),
    ...toleratedTaints(configuration),
    ...networkPeers(configuration),
    ...dnsServers(configuration),
    ...synced(configuration),
    ...syncContradictions(configuration),
    ...hostServiceContradictions(configuration),
  ];
}

/** Tenants' pods would run with the rights of the control plane. */
function workloadAccount({ host, virtualCluster }: SyncerConfiguration): ConfigurationProblem[] {
  const { serviceAccount, workloadServiceAccount } = controlPlaneNames(virtualCluster.name);
  if (host.workloadServiceAccount !== serviceAccount) return [];
  const message = `is the account of the control plane, whose rights tenants' pods must not have: give another one, such as ${workloadServiceAccount}`;
  return [{ field: 'host.workloadServiceAccount', value: host.workloadServiceAccount, message }];
}

/** Clients refuse a certificate that is not for the name they called. Addresses may be those of the Service, which nobody knows here. */
function kubeconfigServers({ apiServer, virtualCluster }: SyncerConfiguration): ConfigurationProblem[] {
  const service = controlPlaneNames(virtualCluster.name).apiServerService;
  const given = [
    ...(apiServer.kubeconfigServer === undefined
      ? []
      : [{ field: 'apiServer.kubeconfigServer', value: apiServer.kubeconfigServer }]),
    ...apiServer.kubeconfigs.map(({ server }, index) => ({
      field: `apiServer.kubeconfigs[${index}].server`,
      value: server,
    })),
  ];
  return given.flatMap(({ field, value }) => {
    if (!value.startsWith('https:')) return [];
    const name = new URL(value).hostname;
    if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return [];
    const own = name === 'localhost' || name === service || name.startsWith(`${service}.`);
    const parent = name.slice(name.indexOf('.'));
    const { extraNames, nodeAddress } = apiServer;
    if (own || name === nodeAddress || extraNames.some((extra) => extra === name || extra === `*${parent}`)) return [];
    const message = `has a name that the API server's certificate is not valid for: add ${name} to apiServer.extraNames`;
    return [{ field, value, message }];
  });
}

/** A Secret that the cluster has for something else would be overwritten. */
function kubeconfigSecrets({ apiServer, virtualCluster }: SyncerConfiguration): ConfigurationProblem[] {
  const { certificates, kubeconfig } = controlPlaneNames(virtualCluster.name);
  return apiServer.kubeconfigs.flatMap(({ secretName }, index) => {
    if (secretName !== certificates && secretName !== kubeconfig) return [];
    const message = `is a Secret that the virtual cluster has by itself: choose another name`;
    return [{ field: `apiServer.kubeconfigs[${index}].secretName`, value: secretName, message }];
  });
}

/** No node answers for a name of many. */
function nodeAddress({ apiServer: { nodeAddress } }: SyncerConfiguration): ConfigurationProblem[] {
  if (nodeAddress?.startsWith('*.') !== true) return [];
  const message = 'is a pattern, which nobody can connect to: give a name or an address';
  return [{ field: 'apiServer.nodeAddress', value: nodeAddress, message }];
}

/** Whoever lists some drivers believes that others are refused. */
function csiDrivers({ policy: { podSecurity, allowedCSIDrivers } }: SyncerConfiguration): ConfigurationProblem[] {
  if (podSecurity !== 'privileged' || allowedCSIDrivers.length === 0) return [];
  const message =
    'has no effect, as podSecurity privileged allows every driver: choose baseline or restricted, or remove this';
  return [{ field: 'policy.allowedCSIDrivers', value: allowedCSIDrivers, message }];
}

/** A scheduler chooses among the nodes that are there before a pod, and by what it can see of the pod's volumes and devices. */
function virtualScheduler({ scheduling, sync }: SyncerConfiguration): ConfigurationProblem[] {
  if (scheduling.scheduler !== 'virtual') return [];
  const { toHost, fromHost } = sync;
  const field = 'scheduling.scheduler';
  const problem = (message: string): ConfigurationProblem => ({ field, value: scheduling.scheduler, message });
  const { mode } = fromHost.nodes;
  const problems: ConfigurationProblem[] = [];
  if (mode !== 'all' && mode !== 'selector') {
    problems.push(
      problem(
        `finds no node to choose, as with sync.fromHost.nodes.mode ${mode} a node is there only once a pod is on it: set that to all or selector`,
      ),
    );
  }
  const unseen = (['storageClasses', 'persistentVolumes'] as const).filter((kind) => !fromHost[kind].enabled);
  if (toHost.persistentVolumeClaims.enabled && unseen.length > 0) {
    const settings = unseen.map((kind) => `sync.fromHost.${kind}`).join(' and ');
    problems.push(
      problem(
        `cannot tell where the volume of a claim is or may be: enable ${settings}, or disable sync.toHost.persistentVolumeClaims`,
      ),
    );
  }
  if (toHost.resourceClaims.enabled) {
    problems.push(
      problem(
        'would wait for devices that only the host sees: disable sync.toHost.resourceClaims, or leave scheduling to the host',
      ),
    );
  }
  return problems;
}

/** As with drivers. */
function toleratedTaints({ policy }: SyncerConfiguration): ConfigurationProblem[] {
  if (policy.podSecurity !== 'privileged' || policy.toleratedTaints.length === 0) return [];
  const message =
    'has no effect, as podSecurity privileged lets pods tolerate every taint: choose baseline or restricted, or remove this';
  return [{ field: 'policy.toleratedTaints', value: policy.toleratedTaints, message }];
}

/** Whoever names peers believes that there are no others. */
function networkPeers({ policy: { network } }: SyncerConfiguration): ConfigurationProblem[] {
  if (network.isolated) return [];
  return (['allowedIngress', 'allowedEgress', 'dnsServers'] as const)
    .filter((setting) => network[setting].length > 0)
    .map((setting) => ({
      field: `policy.network.${setting}`,
      value: network[setting],
      message: 'has no effect, as policy.network.isolated is false: set that to true, or remove this',
    }));
}

/** Nobody forwards anything. */
function dnsServers({ dns: { enabled, forward } }: SyncerConfiguration): ConfigurationProblem[] {
  if (enabled || forward.length === 0) return [];
  const message = 'has no effect, as dns.enabled is false: set that to true, or remove this';
  return [{ field: 'dns.forward', value: forward, message }];
}

/** What is synced. */
function synced({ sync: { toHost, fromHost } }: SyncerConfiguration): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const { persistentVolumeClaims } = toHost;
  if (!persistentVolumeClaims.enabled && persistentVolumeClaims.deletionPolicy !== 'Delete') {
    problems.push(
      pointless('sync.toHost.persistentVolumeClaims', 'deletionPolicy', persistentVolumeClaims.deletionPolicy),
    );
  }
  for (const setting of ['annotations', 'allowedHosts', 'allowedClasses'] as const) {
    const value = toHost.ingresses[setting];
    if (!toHost.ingresses.enabled && value.length > 0) {
      problems.push(pointless('sync.toHost.ingresses', setting, value));
    }
  }
  for (const setting of ['allowedEgress', 'allowedIngress'] as const) {
    const value = toHost.networkPolicies[setting];
    if (!toHost.networkPolicies.enabled && value !== undefined) {
      problems.push(pointless('sync.toHost.networkPolicies', setting, value));
    }
  }
  const { enabled: classesAreSynced, maximumValue, maximumCount } = toHost.priorityClasses;
  if (!classesAreSynced && maximumValue !== CONFIGURATION_DEFAULTS.maximumPriority) {
    problems.push(pointless('sync.toHost.priorityClasses', 'maximumValue', maximumValue));
  }
  if (!classesAreSynced && maximumCount !== CONFIGURATION_DEFAULTS.maximumPriorityClasses) {
    problems.push(pointless('sync.toHost.priorityClasses', 'maximumCount', maximumCount));
  }
  if (toHost.priorityClasses.enabled && fromHost.priorityClasses.enabled) {
    const message =
      "contradicts sync.toHost.priorityClasses.enabled: a pod's class is either the host's or the tenant's own; disable one of them";
    problems.push({ field: 'sync.fromHost.priorityClasses.enabled', value: true, message });
  }
  if (fromHost.persistentVolumes.enabled && !persistentVolumeClaims.enabled) {
    const message =
      'shows volumes of claims, and no claims are synced: enable sync.toHost.persistentVolumeClaims, or disable this';
    problems.push({ field: 'sync.fromHost.persistentVolumes.enabled', value: true, message });
  }
  for (const kind of [
    'storageClasses',
    'volumeAttributesClasses',
    'ingressClasses',
    'runtimeClasses',
    'priorityClasses',
  ] as const) {
    const { enabled, selector } = fromHost[kind];
    if (!enabled && Object.keys(selector).length > 0) {
      problems.push(pointless(`sync.fromHost.${kind}`, 'selector', selector));
    }
  }
  return problems;
}

/** A setting of a kind that is not synced: whoever wrote it believes that it is. */
function pointless(kind: string, setting: string, value: unknown): ConfigurationProblem {
  const message = `has no effect, as ${kind}.enabled is false: set that to true, or remove this`;
  return { field: `${kind}.${setting}`, value, message };
}
