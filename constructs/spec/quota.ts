import { Size } from 'cdk8s';
import type { ConfigurationProblem } from '../../syncer/configuration';
import { Cpu, cpuMillis, sizeKibibytes, sizeQuantity, type CpuAmount } from './quantity';

/** What a tenant may have on the host at most. What the control plane needs itself is added: it takes nothing of it. */
export interface QuotaProps {
  /**
   * CPU time that pods ask for.
   *
   * @default - no limit
   */
  readonly cpuRequests?: CpuAmount;
  /**
   * CPU time that pods may use. Every container then needs a limit: `limits` can give one.
   *
   * @default - no limit
   */
  readonly cpuLimits?: CpuAmount;
  /**
   * Memory that pods ask for.
   *
   * @default - no limit
   */
  readonly memoryRequests?: Size;
  /**
   * Memory that pods may use. Every container then needs a limit: `limits` can give one.
   *
   * @default - no limit
   */
  readonly memoryLimits?: Size;
  /**
   * Storage of claims, all together.
   *
   * @default - no limit
   */
  readonly storage?: Size;
  /**
   * Pods that have not ended.
   *
   * @default - no limit
   */
  readonly pods?: number;
  /**
   * Services.
   *
   * @default - no limit
   */
  readonly services?: number;
  /**
   * Services with ports of the nodes, load balancers' too.
   *
   * @default - no limit
   */
  readonly nodePorts?: number;
  /**
   * Services with a load balancer.
   *
   * @default - no limit
   */
  readonly loadBalancers?: number;
  /**
   * PersistentVolumeClaims.
   *
   * @default - no limit
   */
  readonly persistentVolumeClaims?: number;
  /**
   * ConfigMaps on the host: those that pods use.
   *
   * @default - no limit
   */
  readonly configMaps?: number;
  /**
   * Secrets on the host: those that pods use, and one for each pod with a token.
   *
   * @default - no limit
   */
  readonly secrets?: number;
  /**
   * Ingresses.
   *
   * @default - no limit
   */
  readonly ingresses?: number;
  /**
   * NetworkPolicies.
   *
   * @default - no limit
   */
  readonly networkPolicies?: number;
}

/**
 * How much of the host a tenant may have: a ResourceQuota in the host namespace. It counts all that is there, so give clusters that have
 * one a namespace of their own.
 */
export class Quota {
  /** As much as the host gives. */
  static none(): Quota {
    return new Quota({});
  }

  /**
   * What a team can work with, and no port of a node: 20 CPUs and 40 GiB of memory asked for, 500 GiB of storage, 200 pods, 100 Services
   * without node ports and load balancers, 50 claims, 50 Ingresses, 100 NetworkPolicies, 500 ConfigMaps and 500 Secrets.
   *
   * @param changes what differs
   */
  static standard(changes: QuotaProps = {}): Quota {
    return new Quota({ ...STANDARD, ...changes });
  }

  /** Limits on what is named, and on nothing else. */
  static of(props: QuotaProps): Quota {
    return new Quota(props);
  }

  private constructor(
    /** The limits. */
    readonly props: QuotaProps,
  ) {}
}

const STANDARD: QuotaProps = {
  cpuRequests: Cpu.units(20),
  memoryRequests: Size.gibibytes(40),
  storage: Size.gibibytes(500),
  pods: 200,
  services: 100,
  nodePorts: 0,
  loadBalancers: 0,
  persistentVolumeClaims: 50,
  configMaps: 500,
  secrets: 500,
  ingresses: 50,
  networkPolicies: 100,
};

/** What a container has that says nothing of it. */
export interface ContainerDefaultsProps {
  /**
   * CPU time that it asks for.
   *
   * @default Cpu.millis(100)
   */
  readonly cpuRequest?: CpuAmount;
  /**
   * Memory that it asks for.
   *
   * @default Size.mebibytes(128)
   */
  readonly memoryRequest?: Size;
  /**
   * CPU time that it may use.
   *
   * @default - no limit
   */
  readonly cpuLimit?: CpuAmount;
  /**
   * Memory that it may use.
   *
   * @default - no limit
   */
  readonly memoryLimit?: Size;
}

/** What containers on the host have that say nothing of it: a LimitRange in the host namespace. */
export class ContainerDefaults {
  /** Nothing: a quota on CPU time or memory then refuses containers that say nothing of them. */
  static none(): ContainerDefaults {
    return new ContainerDefaults(undefined);
  }

  /** These, and those of ContainerDefaultsProps. */
  static of(props: ContainerDefaultsProps = {}): ContainerDefaults {
    return new ContainerDefaults(props);
  }

  private constructor(
    /** The defaults. */
    readonly props: ContainerDefaultsProps | undefined,
  ) {}
}

/** Resolved: amounts as a ResourceQuota has them, for the tenant alone. */
export interface QuotaSpec {
  readonly cpuMillis: Readonly<Partial<Record<'requests.cpu' | 'limits.cpu', number>>>;
  readonly kibibytes: Readonly<Partial<Record<'requests.memory' | 'limits.memory' | 'requests.storage', number>>>;
  readonly counts: Readonly<Record<string, number>>;
}

/** Resolved: a LimitRange's item for containers. */
export interface ContainerDefaultsSpec {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

/** Resource of each count. */
const COUNTS = {
  pods: 'pods',
  services: 'services',
  nodePorts: 'services.nodeports',
  loadBalancers: 'services.loadbalancers',
  persistentVolumeClaims: 'persistentvolumeclaims',
  configMaps: 'configmaps',
  secrets: 'secrets',
  ingresses: 'count/ingresses.networking.k8s.io',
  networkPolicies: 'count/networkpolicies.networking.k8s.io',
} as const satisfies Partial<Record<keyof QuotaProps, string>>;

/** @returns undefined for no limits */
export function resolveQuota({ props }: Quota, problems: ConfigurationProblem[]): QuotaSpec | undefined {
  if (Object.values(props).every((value) => value === undefined)) return undefined;
  const counts = Object.entries(COUNTS).flatMap(([name, resource]): [string, number][] => {
    const value = props[name as keyof typeof COUNTS];
    if (value === undefined) return [];
    if (!Number.isSafeInteger(value) || value < 0) {
      problems.push({ field: `isolation.quota.${name}`, value, message: 'is no number of objects: give 0 or more' });
    }
    return [[resource, value]];
  });
  const cpu = (['cpuRequests', 'cpuLimits'] as const).flatMap((name): [string, number][] => {
    const amount = props[name]?.amount;
    if (amount === undefined) return [];
    const millis = cpuMillis(amount);
    const message = 'is no amount of CPU time: use Cpu.millis or Cpu.units with a number above 0';
    if (millis === undefined) problems.push({ field: `isolation.quota.${name}`, value: amount, message });
    return [[name === 'cpuRequests' ? 'requests.cpu' : 'limits.cpu', millis ?? 0]];
  });
  const sizes = (
    [
      ['memoryRequests', 'requests.memory'],
      ['memoryLimits', 'limits.memory'],
      ['storage', 'requests.storage'],
    ] as const
  ).flatMap(([name, resource]): [string, number][] => {
    const size = props[name];
    return size === undefined ? [] : [[resource, sizeKibibytes(size)]];
  });
  return {
    cpuMillis: Object.fromEntries(cpu),
    kibibytes: Object.fromEntries(sizes),
    counts: Object.fromEntries(counts),
  };
}

/** @returns undefined for no defaults */
export function resolveContainerDefaults(
  { props }: ContainerDefaults,
  problems: ConfigurationProblem[],
): ContainerDefaultsSpec | undefined {
  if (props === undefined) return undefined;
  const { cpuRequest = Cpu.millis(100), memoryRequest = Size.mebibytes(128), cpuLimit, memoryLimit } = props;
  const field = (name: string): string => `isolation.containerDefaults.${name}`;
  for (const [name, amount] of [
    ['cpuRequest', cpuRequest],
    ['cpuLimit', cpuLimit],
  ] as const) {
    if (amount === undefined || cpuMillis(amount.amount) !== undefined) continue;
    const message = 'is no amount of CPU time: use Cpu.millis or Cpu.units with a number above 0';
    problems.push({ field: field(name), value: amount.amount, message });
  }
  if (cpuLimit && (cpuMillis(cpuRequest.amount) ?? 0) > (cpuMillis(cpuLimit.amount) ?? Infinity)) {
    const message = `is less than the request of ${cpuRequest.amount}: raise it, or lower cpuRequest`;
    problems.push({ field: field('cpuLimit'), value: cpuLimit.amount, message });
  }
  if (memoryLimit && sizeKibibytes(memoryRequest) > sizeKibibytes(memoryLimit)) {
    const message = `is less than the request of ${sizeQuantity(memoryRequest)}: raise it, or lower memoryRequest`;
    problems.push({ field: field('memoryLimit'), value: sizeQuantity(memoryLimit), message });
  }
  return {
    requests: { cpu: cpuRequest.amount, memory: sizeQuantity(memoryRequest) },
    limits: {
      ...(cpuLimit && { cpu: cpuLimit.amount }),
      ...(memoryLimit && { memory: sizeQuantity(memoryLimit) }),
    },
  };
}
