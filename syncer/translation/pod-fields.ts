import { translateAffinityTerm, translateAntiAffinity, translatePreferredTerms, translateSpread } from './affinity';
import { translateFieldRef } from './downward-api';
import {
  dropped,
  list as listOf,
  object as objectOf,
  plain,
  plainList,
  plainMap,
  reference,
  refused,
  translated,
  translatedList,
  translatedMap,
  type Field,
} from './fields';
import { YOUNG_FIELDS } from './host-version';
import { LABEL_SELECTOR } from './labels';
import type { PodEnvironment } from './pod-environment';
import { translatePodClaim } from './pod-claims';
import { translateVolume } from './volumes';

type PodField = Field<PodEnvironment>;
const object = objectOf<PodEnvironment>;
const list = listOf<PodEnvironment>;

/*
 * Every field of PodSpec in the schemas of the newest three minors, and how it travels. A field that is not here is refused
 * with its path; test/unit/translation/pod-fields.test.ts compares with the schemas.
 */

const labelSelector = LABEL_SELECTOR;

// -- environment ------------------------------------------------------------------------------------------------------

const fieldRef = object({ apiVersion: plain, fieldPath: translated }, translateFieldRef);
const resourceFieldRef = object({ containerName: plain, divisor: plain, resource: plain });

const environmentVariable = object({
  name: plain,
  value: plain,
  valueFrom: object({
    configMapKeyRef: object({ key: plain, name: reference('ConfigMap'), optional: plain }),
    secretKeyRef: object({ key: plain, name: reference('Secret'), optional: plain }),
    fieldRef,
    resourceFieldRef,
    // A file in a volume of the pod itself.
    fileKeyRef: object({ key: plain, optional: plain, path: plain, volumeName: plain }),
  }),
});
const environmentSource = object({
  prefix: plain,
  configMapRef: object({ name: reference('ConfigMap'), optional: plain }),
  secretRef: object({ name: reference('Secret'), optional: plain }),
});

// -- containers -------------------------------------------------------------------------------------------------------

const exec = object({ command: plainList });
const httpGet = object({
  host: plain,
  httpHeaders: list(object({ name: plain, value: plain })),
  path: plain,
  port: plain,
  protocol: YOUNG_FIELDS.httpGetProtocol,
  scheme: plain,
});
const tcpSocket = object({ host: plain, port: plain });
const probe = object({
  exec,
  httpGet,
  tcpSocket,
  grpc: object({ mode: YOUNG_FIELDS.grpcMode, port: plain, service: plain }),
  failureThreshold: plain,
  initialDelaySeconds: plain,
  periodSeconds: plain,
  successThreshold: plain,
  terminationGracePeriodSeconds: plain,
  timeoutSeconds: plain,
});
const lifecycleHandler = object({
  exec,
  httpGet,
  tcpSocket,
  sleep: object({ seconds: plain }),
});

const seLinuxOptions = object({ level: plain, role: plain, type: plain, user: plain });
const profile = object({ type: plain, localhostProfile: plain });
const windowsOptions = object({
  gmsaCredentialSpec: plain,
  gmsaCredentialSpecName: refused(
    'names a GMSACredentialSpec of the host, which a virtual cluster does not have; write the specification into gmsaCredentialSpec',
  ),
  hostProcess: plain,
  runAsUserName: plain,
});
const resources = object({
  // Names of entries of spec.resourceClaims.
  claims: list(object({ name: plain, request: plain })),
  limits: plainMap,
  requests: plainMap,
});

const containerFields: { readonly [name: string]: PodField } = {
  args: plainList,
  command: plainList,
  // Service variables are put in front of these (pod.ts).
  env: list(environmentVariable),
  envFrom: list(environmentSource),
  image: plain,
  imagePullPolicy: plain,
  lifecycle: object({ postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: plain }),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  name: plain,
  ports: list(object({ containerPort: plain, hostIP: plain, hostPort: plain, name: plain, protocol: plain })),
  resizePolicy: list(object({ resourceName: plain, restartPolicy: plain })),
  resources,
  restartPolicy: plain,
  restartPolicyRules: list(
    object({
      action: plain,
      exitCodes: object({ operator: plain, values: plainList }),
    }),
  ),
  securityContext: object({
    allowPrivilegeEscalation: plain,
    appArmorProfile: profile,
    capabilities: object({ add: plainList, drop: plainList }),
    privileged: plain,
    procMount: plain,
    readOnlyRootFilesystem: plain,
    runAsGroup: plain,
    runAsNonRoot: plain,
    runAsUser: plain,
    seLinuxOptions,
    seccompProfile: profile,
    windowsOptions,
  }),
  stdin: plain,
  stdinOnce: plain,
  terminationMessagePath: plain,
  terminationMessagePolicy: plain,
  tty: plain,
  // Names of entries of spec.volumes.
  volumeDevices: list(object({ devicePath: plain, name: plain })),
  volumeMounts: list(
    object({
      bindMountOptions: YOUNG_FIELDS.bindMountOptions,
      mountPath: plain,
      mountPropagation: plain,
      name: plain,
      readOnly: plain,
      recursiveReadOnly: plain,
      subPath: plain,
      subPathExpr: plain,
    }),
  ),
  workingDir: plain,
};
const container = object(containerFields);

/** An ephemeral container: it goes to the host by a subresource of its own, after the pod. */
export const EPHEMERAL_CONTAINER: PodField = object({ ...containerFields, targetContainerName: plain });

// -- volumes ----------------------------------------------------------------------------------------------------------

const { defaultUser, user } = YOUNG_FIELDS;
const items = list(object({ key: plain, mode: plain, path: plain, user }));
const downwardItems = list(object({ fieldRef, resourceFieldRef, mode: plain, path: plain, user }));
const secretRef = object({ name: reference('Secret', false) });

const projectedSource = object({
  configMap: object({ items, name: reference('ConfigMap'), optional: plain }),
  secret: object({ items, name: reference('Secret'), optional: plain }),
  downwardAPI: object({ items: downwardItems }),
  // The volume's rule makes it a key of the Secret that the syncer keeps the pod's tokens in.
  serviceAccountToken: object({
    audience: plain,
    expirationSeconds: plain,
    path: plain,
    user,
  }),
  // It becomes a key of the ConfigMap that the syncer keeps the pod's trust anchors in.
  clusterTrustBundle: object({
    labelSelector,
    name: translated,
    optional: plain,
    path: plain,
    signerName: translated,
    user,
  }),
  // It becomes keys of the Secret that the syncer keeps the pod's keys and certificates in.
  podCertificate: object({
    certificateChainPath: plain,
    credentialBundlePath: plain,
    keyPath: plain,
    keyType: translated,
    maxExpirationSeconds: plain,
    signerName: translated,
    user,
    userAnnotations: translatedMap,
  }),
});

const volume = object(
  {
    name: plain,
    configMap: object({
      defaultMode: plain,
      defaultUser,
      items,
      name: reference('ConfigMap'),
      optional: plain,
    }),
    secret: object({
      defaultMode: plain,
      defaultUser,
      items,
      optional: plain,
      secretName: reference('Secret'),
    }),
    projected: object({ defaultMode: plain, defaultUser, sources: list(projectedSource) }),
    downwardAPI: object({ defaultMode: plain, defaultUser, items: downwardItems }),
    persistentVolumeClaim: object({
      claimName: reference('PersistentVolumeClaim', false),
      readOnly: plain,
    }),
    ephemeral: dropped('the claim is made in the virtual cluster; the host pod mounts its twin (volumes.ts)'),
    csi: object({
      driver: plain,
      fsType: plain,
      nodePublishSecretRef: secretRef,
      readOnly: plain,
      volumeAttributes: plainMap,
    }),
    emptyDir: object({ medium: plain, mode: YOUNG_FIELDS.emptyDirMode, sizeLimit: plain }),
    image: object({ pullPolicy: plain, reference: plain }),

    // What follows reaches the host only where the policy allows it (syncer/policy); references are translated all the same.
    hostPath: object({ path: plain, type: plain }),
    awsElasticBlockStore: object({ fsType: plain, partition: plain, readOnly: plain, volumeID: plain }),
    azureDisk: object({
      cachingMode: plain,
      diskName: plain,
      diskURI: plain,
      fsType: plain,
      kind: plain,
      readOnly: plain,
    }),
    azureFile: object({ readOnly: plain, secretName: reference('Secret', false), shareName: plain }),
    cephfs: object({
      monitors: plainList,
      path: plain,
      readOnly: plain,
      secretFile: plain,
      secretRef,
      user: plain,
    }),
    cinder: object({ fsType: plain, readOnly: plain, secretRef, volumeID: plain }),
    fc: object({ fsType: plain, lun: plain, readOnly: plain, targetWWNs: plainList, wwids: plainList }),
    flexVolume: object({ driver: plain, fsType: plain, options: plainMap, readOnly: plain, secretRef }),
    flocker: object({ datasetName: plain, datasetUUID: plain }),
    gcePersistentDisk: object({ fsType: plain, partition: plain, pdName: plain, readOnly: plain }),
    gitRepo: object({ directory: plain, repository: plain, revision: plain }),
    glusterfs: object({ endpoints: reference('Endpoints', false), path: plain, readOnly: plain }),
    iscsi: object({
      chapAuthDiscovery: plain,
      chapAuthSession: plain,
      fsType: plain,
      initiatorName: plain,
      iqn: plain,
      iscsiInterface: plain,
      lun: plain,
      portals: plainList,
      readOnly: plain,
      secretRef,
      targetPortal: plain,
    }),
    nfs: object({ path: plain, readOnly: plain, server: plain }),
    photonPersistentDisk: object({ fsType: plain, pdID: plain }),
    portworxVolume: object({ fsType: plain, readOnly: plain, volumeID: plain }),
    quobyte: object({
      group: plain,
      readOnly: plain,
      registry: plain,
      tenant: plain,
      user: plain,
      volume: plain,
    }),
    rbd: object({
      fsType: plain,
      image: plain,
      keyring: plain,
      monitors: plainList,
      pool: plain,
      readOnly: plain,
      secretRef,
      user: plain,
    }),
    scaleIO: object({
      fsType: plain,
      gateway: plain,
      protectionDomain: plain,
      readOnly: plain,
      secretRef,
      sslEnabled: plain,
      storageMode: plain,
      storagePool: plain,
      system: plain,
      volumeName: plain,
    }),
    storageos: object({
      fsType: plain,
      readOnly: plain,
      secretRef,
      volumeName: plain,
      volumeNamespace: refused('names a namespace of the host; use a persistentVolumeClaim volume'),
    }),
    vsphereVolume: object({
      fsType: plain,
      storagePolicyID: plain,
      storagePolicyName: plain,
      volumePath: plain,
    }),
  },
  translateVolume,
);

// -- scheduling -------------------------------------------------------------------------------------------------------

const podAffinityTermFields: { readonly [name: string]: PodField } = {
  labelSelector,
  matchLabelKeys: translatedList,
  mismatchLabelKeys: translatedList,
  namespaceSelector: labelSelector,
  namespaces: translatedList,
  topologyKey: plain,
};
const podAffinityTerm = object(podAffinityTermFields, translateAffinityTerm);
/** Terms whose namespaces and namespaceSelector may need two terms on the host: the list's own rule translates them. */
const splittableTerm = object(podAffinityTermFields);
const preferredTerms = list(object({ podAffinityTerm: splittableTerm, weight: plain }));

// Labels and names of nodes are the host's: a virtual node has the name and the labels of its own.
const nodeRequirements = list(object({ key: plain, operator: plain, values: plainList }));
const nodeSelectorTerm = object({ matchExpressions: nodeRequirements, matchFields: nodeRequirements });

const affinity = object({
  nodeAffinity: object({
    preferredDuringSchedulingIgnoredDuringExecution: list(object({ preference: nodeSelectorTerm, weight: plain })),
    requiredDuringSchedulingIgnoredDuringExecution: object({
      nodeSelectorTerms: list(nodeSelectorTerm),
    }),
  }),
  podAffinity: object(
    {
      preferredDuringSchedulingIgnoredDuringExecution: preferredTerms,
      requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
    },
    translatePreferredTerms,
  ),
  podAntiAffinity: object(
    {
      preferredDuringSchedulingIgnoredDuringExecution: preferredTerms,
      requiredDuringSchedulingIgnoredDuringExecution: list(splittableTerm),
    },
    translateAntiAffinity,
  ),
});

const topologySpreadConstraint = object(
  {
    labelSelector,
    matchLabelKeys: translatedList,
    maxSkew: plain,
    minDomains: plain,
    nodeAffinityPolicy: plain,
    nodeTaintsPolicy: plain,
    topologyKey: plain,
    whenUnsatisfiable: plain,
  },
  translateSpread,
);

// -- the pod ----------------------------------------------------------------------------------------------------------

/** PodSpec. What is `translated` at its top level, pod.ts sets. */
export const POD_SPEC: PodField = object({
  activeDeadlineSeconds: plain,
  affinity,
  automountServiceAccountToken: dropped("tokens are the virtual cluster's (tokens.ts): the host mounts none"),
  containers: list(container),
  initContainers: list(container),
  ephemeralContainers: dropped('the API takes them by a subresource only (pod-patch.ts)'),
  dnsConfig: object({
    nameservers: plainList,
    options: list(object({ name: plain, value: plain })),
    searches: plainList,
  }),
  dnsPolicy: translated,
  enableServiceLinks: dropped("service variables are the virtual cluster's (service-links.ts): the host adds none"),
  evictionResponders: dropped('they act on evictions in the virtual cluster'),
  hostAliases: list(object({ hostnames: plainList, ip: plain })),
  hostIPC: plain,
  hostNetwork: plain,
  hostPID: plain,
  hostUsers: plain,
  hostname: translated,
  // Also what a host name with dots becomes (hostname.ts).
  hostnameOverride: plain,
  imagePullSecrets: list(object({ name: reference('Secret', true) })),
  nodeName: translated,
  nodeSelector: plainMap,
  os: object({ name: plain }),
  overhead: dropped("the host's own RuntimeClass sets it, and refuses any other"),
  preemptionPolicy: dropped('goes with priorityClassName'),
  priority: dropped('the host computes it from its own class, and refuses any other'),
  priorityClassName: translated,
  readinessGates: list(object({ conditionType: plain })),
  resourceClaims: list(
    object(
      { name: plain, resourceClaimName: reference('ResourceClaim', false), resourceClaimTemplateName: translated },
      translatePodClaim,
    ),
  ),
  resources,
  restartPolicy: plain,
  runtimeClassName: plain,
  schedulerName: dropped("the host's default scheduler places every pod"),
  schedulingGates: dropped('no host pod exists before all gates are gone'),
  schedulingGroup: refused('needs a PodGroup on the host, which virtual clusters do not have yet; leave it out'),
  securityContext: object({
    appArmorProfile: profile,
    fsGroup: plain,
    fsGroupChangePolicy: plain,
    runAsGroup: plain,
    runAsNonRoot: plain,
    runAsUser: plain,
    seLinuxChangePolicy: plain,
    seLinuxOptions,
    seccompProfile: profile,
    supplementalGroups: plainList,
    supplementalGroupsPolicy: plain,
    sysctls: list(object({ name: plain, value: plain })),
    windowsOptions,
  }),
  serviceAccount: dropped('the deprecated name of serviceAccountName'),
  serviceAccountName: translated,
  // True becomes hostnameOverride where there is a subdomain (hosts-file.ts).
  setHostnameAsFQDN: plain,
  shareProcessNamespace: plain,
  subdomain: dropped("the host's DNS would show host names (hosts-file.ts)"),
  terminationGracePeriodSeconds: plain,
  tolerations: list(object({ effect: plain, key: plain, operator: plain, tolerationSeconds: plain, value: plain })),
  topologySpreadConstraints: list(topologySpreadConstraint),
  volumes: list(volume),
  // Of 1.35 alone; 1.36 replaced it by schedulingGroup.
  workloadRef: refused('needs a Workload on the host, which virtual clusters do not have yet; leave it out'),
});
