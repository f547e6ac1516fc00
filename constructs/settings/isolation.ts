import * as z from 'zod';
import { ContainerDefaults, Isolation, NetworkPeer, Quota } from '..';
import type { ContainerDefaultsProps, IsolationProps, NetworkIsolationProps, PodsPeerProps, QuotaProps } from '..';
import { cpu, size } from './amounts';
import { plainly, propsOf, valueType, withNamed, withProps, withoutUndefined, type Plain } from './value-types';

/** Label of each namespace with its name. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
const count = z.int().optional();

const peer = valueType<NetworkPeer, typeof NetworkPeer>(
  NetworkPeer,
  {
    cidr: withNamed(({ range, except }: { range: string; except?: string[] }) => NetworkPeer.cidr(range, except), {
      range: z.string(),
      except: z.array(z.string()).optional(),
    }),
    namespace: withNamed(({ name }: { name: string }) => NetworkPeer.namespace(name), { name: z.string() }),
    pods: withProps<NetworkPeer, PodsPeerProps>(NetworkPeer.pods, 'PodsPeerProps', {
      namespace: z.string().optional(),
      labels: z.record(z.string(), z.string()).optional(),
    }),
  },
  {
    has: ({ peer: given }) => typeof given === 'object',
    plain: ({ peer: given }): Plain => {
      if (given.ipBlock !== undefined) return { type: 'cidr', range: given.ipBlock.cidr, except: given.ipBlock.except };
      const name = given.namespaceSelector?.matchLabels?.[NAMESPACE_NAME];
      const labels = given.podSelector?.matchLabels;
      return labels === undefined && name !== undefined
        ? { type: 'namespace', name }
        : { type: 'pods', namespace: name, labels };
    },
    wrong: 'is no NetworkPeer: use one of its factories, such as NetworkPeer.cidr("203.0.113.0/24")',
  },
);

const limits = {
  cpuRequests: cpu.optional(),
  cpuLimits: cpu.optional(),
  memoryRequests: size.optional(),
  memoryLimits: size.optional(),
  storage: size.optional(),
  pods: count,
  services: count,
  nodePorts: count,
  loadBalancers: count,
  persistentVolumeClaims: count,
  configMaps: count,
  secrets: count,
  ingresses: count,
  networkPolicies: count,
};

const quota = valueType<Quota, typeof Quota>(
  Quota,
  {
    none: plainly(Quota.none),
    standard: withProps<Quota, QuotaProps>(Quota.standard, 'QuotaProps', limits),
    of: withProps<Quota, QuotaProps>(Quota.of, 'QuotaProps', limits),
  },
  {
    has: ({ props }) => typeof props === 'object',
    plain: ({ props }): Plain => {
      const given = withoutUndefined(props);
      return Object.keys(given).length === 0 ? { type: 'none' } : { type: 'of', ...given };
    },
    wrong: 'is no Quota: use one of its factories, such as Quota.standard()',
  },
);

const containerDefaults = valueType<ContainerDefaults, typeof ContainerDefaults>(
  ContainerDefaults,
  {
    none: plainly(ContainerDefaults.none),
    of: withProps<ContainerDefaults, ContainerDefaultsProps>(ContainerDefaults.of, 'ContainerDefaultsProps', {
      cpuRequest: cpu.optional(),
      memoryRequest: size.optional(),
      cpuLimit: cpu.optional(),
      memoryLimit: size.optional(),
    }),
  },
  {
    has: (value) => 'props' in value,
    plain: ({ props }): Plain => (props === undefined ? { type: 'none' } : { type: 'of', ...props }),
    wrong: 'is no ContainerDefaults: use one of its factories, such as ContainerDefaults.of()',
  },
);

const network = propsOf<NetworkIsolationProps>('NetworkIsolationProps', {
  enabled: z.boolean().optional(),
  allowIngressFrom: z.array(peer).optional(),
  allowEgressTo: z.array(peer).optional(),
  internet: z.boolean().optional(),
  hostRanges: z.array(z.string()).optional(),
  dnsServers: z.array(peer).optional(),
});

const changes = {
  network: network.optional(),
  toleratedTaints: z.array(z.string()).optional(),
  alwaysPullImages: z.boolean().optional(),
  quota: quota.optional(),
  containerDefaults: containerDefaults.optional(),
};

/** How far the tenant is kept apart. */
export const isolation = valueType<Isolation, typeof Isolation>(
  Isolation,
  {
    trusted: withProps<Isolation, IsolationProps>(Isolation.trusted, 'IsolationProps', changes),
    baseline: withProps<Isolation, IsolationProps>(Isolation.baseline, 'IsolationProps', changes),
    restricted: withProps<Isolation, IsolationProps>(Isolation.restricted, 'IsolationProps', changes),
  },
  {
    has: ({ level, props }) => typeof level === 'string' && typeof props === 'object',
    plain: ({ level, props }) => ({ type: level, ...props }),
    wrong: 'is no Isolation: use one of its factories, such as Isolation.restricted()',
  },
);
