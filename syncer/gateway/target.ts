import { canonicalAddress, isNeverTenant } from '../policy';
import { RESOURCE_METRICS_ADDRESS } from '../translation';
import { parseAuthority } from './authority';
import type { EgressFacts } from './facts';

/** What lies behind a tunnel. */
export type TargetKind = 'admission' | 'kubelet' | 'metrics' | 'tenant';

/** Port on which every virtual node answers as its kubelet. */
export const KUBELET_PORT = 10250;
/** Port of the metrics API at its address. */
export const METRICS_PORT = 443;

/** Where a tunnel may lead. The connection is made to one of `addresses`, which are what was checked. */
export type Target =
  | { readonly kind: 'admission'; readonly addresses: readonly [string]; readonly port: number }
  | { readonly kind: 'kubelet' | 'metrics'; readonly address: string }
  | { readonly kind: 'tenant'; readonly addresses: readonly string[]; readonly port: number };

/** Why a target was refused: for the metric and the log. */
export type RefusalReason = 'malformed' | 'unresolved' | 'forbidden';

/** A target that is not reached. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly reason: RefusalReason,
    /** For the caller, who passes it on to the tenant: names nothing that only the host knows. */
    readonly answer: string,
    /** For the operator's log. */
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** All addresses of a host name. An empty list, or an error, means that it has none. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

const FORBIDDEN = 'not a node, pod or service of this virtual cluster';

/**
 * Decides where a CONNECT request may lead.
 *
 * A name is never more than a way to addresses: the admission server and the nodes are reached by address alone, and a
 * name with one address that is not allowed is refused as a whole, as an answer that mixes them is an attack or a mistake.
 *
 * @throws Refusal for everything that is not allowed
 */
export async function decideTarget(
  text: string,
  facts: EgressFacts,
  options: {
    readonly admissionPort: number;
    readonly resolve: Resolve;
    readonly signal: AbortSignal;
    /** Whether the metrics API is served. @default false */
    readonly servesMetrics?: boolean;
  },
): Promise<Target> {
  // Compared as text: other spellings of the loopback address are nobody's business.
  if (text === `127.0.0.1:${options.admissionPort}`) {
    return { kind: 'admission', addresses: ['127.0.0.1'], port: options.admissionPort };
  }
  const authority = parseAuthority(text);
  if (typeof authority === 'string') throw new Refusal('malformed', `the target ${authority}`, authority);
  const { port } = authority;

  if ('address' in authority) {
    const { address } = authority;
    if (facts.nodeByAddress(address) !== undefined) {
      if (port === KUBELET_PORT) return { kind: 'kubelet', address };
      throw new Refusal(
        'forbidden',
        `a virtual node answers on port ${KUBELET_PORT} alone`,
        'a virtual node, other port',
      );
    }
    if (options.servesMetrics === true && address === RESOURCE_METRICS_ADDRESS && port === METRICS_PORT) {
      return { kind: 'metrics', address };
    }
    if (isTenantAddress(address, facts)) return { kind: 'tenant', addresses: [address], port };
    throw new Refusal('forbidden', FORBIDDEN, FORBIDDEN);
  }

  // One answer for both cases, so that the gate is no oracle for names that only the host's DNS knows.
  const answer = `${FORBIDDEN}, or a name that does not resolve to one`;
  let found: readonly string[];
  try {
    found = await options.resolve(authority.name, options.signal);
  } catch (error) {
    throw new Refusal(
      'unresolved',
      answer,
      `${authority.name}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (found.length === 0) throw new Refusal('unresolved', answer, `${authority.name} has no address`);
  const addresses: string[] = [];
  for (const one of found) {
    const address = canonicalAddress(one);
    if (address === undefined || !isTenantAddress(address, facts)) {
      throw new Refusal('forbidden', answer, `${authority.name} resolves to ${one}: ${FORBIDDEN}`);
    }
    addresses.push(address);
  }
  return { kind: 'tenant', addresses, port };
}

function isTenantAddress(address: string, facts: EgressFacts): boolean {
  return !isNeverTenant(address) && (facts.isTenantPodIP(address) || facts.isTenantServiceIP(address));
}
