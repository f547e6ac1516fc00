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
} from './defaults';
import { kubernetesVersionProblem } from './kubernetes-version';
import { clusterNameProblem, csiDriverNameProblem, dnsNameProblem, imageProblem } from './names';
import { syncSchema } from './sync';

const clusterName = checked(clusterNameProblem);
const dnsName = checked(dnsNameProblem);
const addressOrName = checked((value) => (isIP(value) !== 0 ? undefined : dnsNameProblem(value.replace(/^\*\./, ''))));
const cidr = checked(serviceRangeProblem);
const image = checked(imageProblem);
const kubernetesVersion = checked(kubernetesVersionProblem);
const serverURL = checked((value) =>
  /^https:\/\/[^/?#@\s]+\/?$/.test(value) && URL.canParse(value)
    ? undefined
    : 'is no server address: write https://, a host name or address, and a port if it is not 443',
);

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
      .describe('Address of the API server in Secret vc-NAME. Default: https://NAME.NAMESPACE.svc:443.'),
  })
  .describe('The virtual API server.');

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
  })
  .describe("What tenants' pods may do on the host.");

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
    network: network.prefault({}),
    dns: dns.prefault({}),
    policy: policy.prefault({}),
    services: services.prefault({}),
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
