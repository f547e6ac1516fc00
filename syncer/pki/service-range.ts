import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from 'kubernetes-types/core/v1';
import { cidrContains, controlPlaneLabels, familyOf, parseCidr } from '../configuration';
import { type AnyObject, ApiError, type KubeClient, resources } from '../kube-client';
import { type AskHost, type RangeAnswer, searchServiceRange, ServiceRangeError } from './service-range-search';

/** Name of the ServiceCIDR that the API server makes from its flags. */
const DEFAULT_SERVICE_CIDR = 'kubernetes';

/** A host API server that has just started does not give out addresses yet. */
const NOT_READY_ATTEMPTS = 20;
const NOT_READY_PAUSE_MS = 500;

/** Where and for whom ranges are looked for. */
export interface RangeQuestion {
  /** Client of the host. */
  readonly client: KubeClient;
  /** Host namespace. */
  readonly namespace: string;
  /** Virtual cluster's name. */
  readonly clusterName: string;
  /** ClusterIPs of host Service NAME, the first one's family first. */
  readonly serviceIPs: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * The host's ranges of Service addresses, one per family, in the host's order.
 *
 * Where the host lets its ServiceCIDR objects be read, they say it; else dry runs of Services in the host namespace do.
 *
 * @returns ranges in CIDR notation
 * @throws ServiceRangeError when neither works
 */
export async function findServiceRanges(question: RangeQuestion): Promise<string[]> {
  const declared = await declaredRanges(question);
  if (declared !== undefined && question.serviceIPs.every((address) => rangesHold(declared, address))) return declared;
  const ask = hostAnswers(question);
  const ranges: string[] = [];
  for (const address of question.serviceIPs) ranges.push(await searchServiceRange(address, ask));
  return ranges;
}

/** Whether an address is in one of the ranges; a range that is none holds nothing. */
export function rangesHold(ranges: readonly string[], address: string): boolean {
  return ranges.some((text) => {
    const range = parseCidr(text);
    return typeof range !== 'string' && cidrContains(range, address);
  });
}

/** What ServiceCIDR "kubernetes" says; undefined where it is not to be read: most hosts, as it is cluster-scoped. */
async function declaredRanges({ client, signal }: RangeQuestion): Promise<string[] | undefined> {
  try {
    const object = await client.get<AnyObject>(resources.serviceCIDRs, { name: DEFAULT_SERVICE_CIDR, signal });
    const { cidrs } = (object['spec'] ?? {}) as { cidrs?: string[] };
    return cidrs;
  } catch (error) {
    if (ApiError.is(error, 'Forbidden', 'NotFound')) return undefined;
    throw error;
  }
}

/** Asks by dry runs of a Service with a ClusterIP of one's own: nothing is stored and no address taken. */
export function hostAnswers({ client, namespace, clusterName, signal }: RangeQuestion): AskHost {
  return async (address) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.create(resources.services, probe(namespace, clusterName, address), { dryRun: true, signal });
        return { kind: 'inside' };
      } catch (error) {
        if (!ApiError.is(error)) throw error;
        if (attempt < NOT_READY_ATTEMPTS && error.message.includes('allocator not ready')) {
          await delay(NOT_READY_PAUSE_MS, undefined, signal ? { signal } : {});
          continue;
        }
        const answer = readRefusal(error);
        if (answer === undefined) {
          throw new ServiceRangeError(`a dry run of a Service with ClusterIP ${address} ended with: ${error.message}`, {
            cause: error,
          });
        }
        return answer;
      }
    }
  };
}

/**
 * What a refused ClusterIP says about the host's range. The texts are those of Kubernetes' IP allocators.
 *
 * @returns undefined for a refusal that has another reason: a quota, a policy, a missing right
 */
export function readRefusal(error: ApiError): RangeAnswer | undefined {
  if (error.reason !== 'Invalid') return undefined;
  const { message } = error;
  const named = /not in the valid range\. The range of valid IPs is ([0-9A-Fa-f:.]+\/\d{1,3})/.exec(message)?.[1];
  if (named !== undefined) return { kind: 'range', cidr: named };
  if (message.includes('is already allocated')) return { kind: 'inside' };
  if (message.includes('does not match the current range') || message.includes('not in the valid range')) {
    return { kind: 'outside' };
  }
  return undefined;
}

function probe(namespace: string, clusterName: string, address: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { generateName: `${clusterName}-range-`, namespace, labels: controlPlaneLabels(clusterName) },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: [familyOf(address)],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
    },
  };
}
