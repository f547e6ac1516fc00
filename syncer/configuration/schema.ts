import { isIP } from 'node:net';
import * as z from 'zod';
import { checked } from './checked';
import { serviceRangeProblem } from './cidr';
import {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_DEFAULTS,
  CONFIGURATION_KIND,
  LOG_LEVELS,
  POD_SECURITY_LEVELS,
  SCHEDULERS,
} from './defaults';
import { hostServices } from './host-services';
import { taintKeyProblem } from './key-pattern';
import { kubernetesVersionProblem } from './kubernetes-version';
import {
  clusterNameProblem,
  csiDriverNameProblem,
  dnsNameProblem,
  dnsServerProblem,
  imageProblem,
  kubeconfigSecretProblem,
  kubeconfigServerProblem,
  serverURLProblem,
} from './names';
import { networkIsolation } from './network-isolation';
import { syncSchema } from './sync';

const clusterName = checked(clusterNameProblem);
const dnsName = checked(dnsNameProblem);
const addressOrName = checked((value) => (isIP(value) !== 0 ? undefined : dnsNameProblem(value.replace(/^\*\./, ''))));
const cidr = checked(serviceRangeProblem);
const image = checked(imageProblem);
const kubernetesVersion = checked(kubernetesVersionProblem);
const serverURL = checked(serverURLProblem);

const YEAR_SECONDS = 365 * 86_400;

const serviceCIDRs = z
  .array(cidr)
  .max(2, 'has more than two ranges: give one range, or one IPv4 and one IPv6 range')
  .refine((ranges) => ranges.length < 2 || ranges[0]?.includes(':') !== ranges[1]?.includes(':'), {
    error: 'has two ranges of one family: give one range, or one IPv4 and one IPv6 range',
  });

const virtualCluster = z
  .strictObject({
    name: clusterName.describe('Name of the virtual cluster: a DNS-1035 label of at most 52 characters.'),
    clusterDomain: dnsName
      .default(CONFIGURATION_DEFAULTS.clusterDomain)
      .describe('DNS domain of the virtual cluster; its services are SERVICE.NAMESPACE.svc.DOMAIN.'),
    version: kubernetesVersion
      .default(CONFIGURATION_DEFAULTS.kubernetesVersion)
      .describe('Version of Kubernetes that its control plane runs. It may go up one minor at a time.'),
    replicas: z
      .int('must be a whole number of replicas')
      .refine((replicas) => replicas === 1 || replicas === 3, { error: 'must be 1 or 3: a majority of two is both' })
      .default(CONFIGURATION_DEFAULTS.replicas)
      .describe('Replicas of the control plane: 1, or 3 for high availability. Of several syncers one is active.'),
  })
  .describe('The virtual cluster itself.');

const host = z
  .strictObject({
    workloadServiceAccount: dnsName
      .optional()
      .describe("ServiceAccount in the host namespace that tenants' pods run as. Default: NAME-workloads."),
    helperImage: image
      .default(CONFIGURATION_DEFAULTS.helperImage)
      .describe("Image with the program that writes /etc/hosts of pods with a subdomain: the syncer's own."),
  })
  .describe('The host namespace.');

const kubeconfig = z
  .strictObject({
    secretName: checked(kubeconfigSecretProblem).describe('Name of the Secret in the host namespace.'),
    server: checked(kubeconfigServerProblem)
      .default('outside')
      .describe('Address of the API server: `inside` or `outside` of the host, or a URL.'),
  })
  .describe('A further Secret with a kubeconfig.');

const apiServer = z
  .strictObject({
    extraNames: z
      .array(addressOrName)
      .default([])
      .describe(
        "DNS names and addresses that the API server's certificate is valid for, beside those that the syncer knows.",
      ),
    kubeconfigServer: serverURL
      .exactOptional()
      .describe(
        'Address of the API server for clients outside of the host, in Secret vc-NAME. Default: what the Service NAME has outside of the host, else https://NAME.NAMESPACE.svc:443.',
      ),
    nodeAddress: addressOrName
      .exactOptional()
      .describe(
        'Name or address of nodes for clients outside of the host, where the Service NAME is of type NodePort. Default: the address of the node that the control plane is on.',
      ),
    kubeconfigs: z
      .array(kubeconfig)
      .default([])
      .refine((all) => new Set(all.map(({ secretName }) => secretName)).size === all.length, {
        error: 'names a Secret twice: give each kubeconfig a Secret of its own',
      })
      .describe('Further Secrets with a kubeconfig, beside vc-NAME.'),
  })
  .describe('The virtual API server.');

const certificates = z
  .strictObject({
    lifetimeSeconds: z
      .int('must be a whole number of seconds')
      .min(120, 'must be at least 120 seconds')
      .max(10 * YEAR_SECONDS, 'must be at most ten years, as long as authorities live')
      .default(CONFIGURATION_DEFAULTS.certificateLifetimeSeconds)
      .describe(
        "Seconds that certificates live. They are renewed in the last quarter, and at most 90 days before their end. Kubeconfigs' own too: whoever copies one has to copy it again.",
      ),
  })
  .describe('Certificates of the control plane, which renew by themselves.');

const network = z
  .strictObject({
    serviceCIDRs: serviceCIDRs
      .default([])
      .describe('Service ranges of the host, one per address family. Empty: the init container finds them.'),
  })
  .describe('Address ranges.');

const dns = z
  .strictObject({
    enabled: z
      .boolean()
      .default(CONFIGURATION_DEFAULTS.dnsEnabled)
      .describe('Whether CoreDNS is installed into the virtual cluster and pods ask it.'),
    image: image.default(CONFIGURATION_DEFAULTS.dnsImage).describe('Image of CoreDNS.'),
    replicas: z
      .int('must be a whole number of pods')
      .min(1, 'must be at least 1; to have no DNS server, set dns.enabled to false')
      .max(50, 'must be at most 50')
      .default(CONFIGURATION_DEFAULTS.dnsReplicas)
      .describe('CoreDNS pods.'),
    forward: z
      .array(checked(dnsServerProblem))
      .max(15, 'has more than the 15 servers that CoreDNS takes: leave some out')
      .default([])
      .describe(
        "DNS servers that are asked for names outside of the virtual cluster, such as 10.0.0.53 or [fd00::53]:5353. Empty: those of the node's resolv.conf. None should be the host cluster's own, whose names tenants would find.",
      ),
  })
  .describe("The virtual cluster's DNS server.");

const policy = z
  .strictObject({
    podSecurity: z
      .enum(POD_SECURITY_LEVELS)
      .default(CONFIGURATION_DEFAULTS.podSecurity)
      .describe('Pod Security Standard that every translated pod must meet.'),
    allowedCSIDrivers: z
      .array(checked(csiDriverNameProblem))
      .default([])
      .describe(
        "CSI drivers of the host that pods' inline volumes may use, by the names of their CSIDriver objects. A driver works with its own rights on what the pod's volumeAttributes say: name only those made for pods that nobody trusts. Labels on CSIDriver objects, such as OpenShift's security.openshift.io/csi-ephemeral-volume-profile, are not consulted.",
      ),
    toleratedTaints: z
      .array(checked(taintKeyProblem))
      .default([])
      .describe(
        'Keys of taints that pods may tolerate, or with a `*` at the end all keys that begin so, beside those that Kubernetes sets on nodes by itself, such as node.kubernetes.io/unreachable, and those that a RuntimeClass of the host brings. With podSecurity privileged pods may tolerate all.',
      ),
    alwaysPullImages: z
      .boolean()
      .default(false)
      .describe(
        "Whether each container on the host asks its registry for its image, with the pod's own credentials, whatever the tenant says: else a pod can use an image that another tenant's pod brought to the node.",
      ),
    network: networkIsolation,
  })
  .describe("What tenants' pods may do on the host.");

const scheduling = z
  .strictObject({
    scheduler: z
      .enum(SCHEDULERS)
      .default(CONFIGURATION_DEFAULTS.scheduler)
      .describe(
        'host: the scheduler of the host chooses the node of every pod, and the virtual pod follows. virtual: one inside of the virtual ' +
          'cluster does, among the nodes that are shown, and the host runs the pod there or nowhere. It needs sync.fromHost.nodes.mode all or selector.',
      ),
  })
  .describe("Who decides on which node a tenant's pod runs.");

const services = z
  .strictObject({
    reservationSeconds: z
      .int('must be a whole number of seconds')
      .min(5, 'must be at least 5 seconds, or a slow create loses its address')
      .max(3600, 'must be at most 3600 seconds, or refused creates hold host addresses')
      .default(CONFIGURATION_DEFAULTS.reservationSeconds)
      .describe('Seconds after which a host Service that no virtual Service came for is removed.'),
  })
  .describe('Services.');

const store = z
  .strictObject({
    embedded: z
      .boolean()
      .default(CONFIGURATION_DEFAULTS.storeIsEmbedded)
      .describe("Whether the store is etcd in the control plane's own pod: then the syncer looks after it."),
  })
  .describe('What the virtual cluster keeps its objects in.');

const logging = z
  .strictObject({
    level: z.enum(LOG_LEVELS).default(CONFIGURATION_DEFAULTS.logLevel).describe('Least level that is logged.'),
  })
  .describe("The syncer's log, JSON lines on standard output.");

/** Schema of the document that the constructs write and the syncer reads. Unknown keys are refused at every level. */
export const configurationSchema = z
  .strictObject({
    apiVersion: z.literal(CONFIGURATION_API_VERSION).describe("The document's version."),
    kind: z.literal(CONFIGURATION_KIND).describe("The document's kind."),
    virtualCluster,
    host: host.prefault({}),
    apiServer: apiServer.prefault({}),
    certificates: certificates.prefault({}),
    network: network.prefault({}),
    dns: dns.prefault({}),
    policy: policy.prefault({}),
    scheduling: scheduling.prefault({}),
    services: services.prefault({}),
    hostServices: hostServices.prefault({}),
    sync: syncSchema,
    store: store.prefault({}),
    logging: logging.prefault({}),
  })
  .describe('Configuration of the syncer of one virtual cluster.');

/** The document as one may write it: everything with a default may be left out. */
export type SyncerConfigurationInput = z.input<typeof configurationSchema>;

/** The document with all defaults applied. */
export type SyncerConfiguration = Omit<z.output<typeof configurationSchema>, 'host'> & {
  host: {
    /** ServiceAccount in the host namespace that tenants' pods run as. */
    workloadServiceAccount: string;
    /** Image with the program that writes /etc/hosts of pods with a subdomain. */
    helperImage: string;
  };
};
