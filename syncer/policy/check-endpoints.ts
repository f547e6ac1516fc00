import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { cidrContains, type Cidr } from '../configuration';
import { canonicalAddress, isNeverTenant } from './address';
import type { PolicyLevel, Violation } from './violation';

/** What decides about addresses: never anything that a tenant can write. */
export interface EndpointFacts {
  /** Whether a canonical address is that of one of the virtual cluster's own pods on the host, now. */
  readonly isOwnPod: (address: string) => boolean;
  /** Ranges that the platform allows beside. */
  readonly allowedRanges: readonly Cidr[];
}

/** What of a slice may go to the host, and what stands against the rest. */
export interface EndpointVerdict {
  readonly allowed: readonly Endpoint[];
  readonly violations: readonly Violation[];
}

/** As many addresses as a tenant can make use of in one message. */
const NAMED = 10;

/**
 * Holds the addresses of a **translated** EndpointSlice to the policy. A tenant writes them by hand, and whatever forwards to the
 * Service on the host (its proxies, an ingress controller, a load balancer) goes there with its own rights
 * (CVE-2021-25740): so they must be of the tenant's own pods, or in a range that the platform gives. At `privileged` all are
 * allowed but those that mean another thing to each machine: loopback, link-local, multicast, unspecified. An endpoint goes
 * whole or not at all.
 */
export function checkEndpoints(slice: EndpointSlice, level: PolicyLevel, facts: EndpointFacts): EndpointVerdict {
  const endpoints = slice.endpoints ?? [];
  if (slice.addressType === 'FQDN') {
    if (level === 'privileged' || endpoints.length === 0) return { allowed: endpoints, violations: [] };
    const remedy = 'write addresses of pods of this virtual cluster, or use a Service of type ExternalName';
    const message = `addressType is "FQDN", whose names may lead anywhere, which the baseline policy forbids; ${remedy}`;
    return { allowed: [], violations: [{ rule: 'endpointNames', level: 'baseline', field: 'addressType', message }] };
  }
  const local: string[] = [];
  const foreign: string[] = [];
  const isAllowed = (text: string): boolean => {
    const address = canonicalAddress(text);
    if (address === undefined || isNeverTenant(address)) {
      local.push(text);
      return false;
    }
    if (level === 'privileged' || facts.isOwnPod(address)) return true;
    if (facts.allowedRanges.some((range) => cidrContains(range, address))) return true;
    foreign.push(text);
    return false;
  };
  // Every address is looked at, so that all of them are named.
  const allowed = endpoints.filter(({ addresses }) => addresses.filter((address) => !isAllowed(address)).length === 0);
  return { allowed, violations: [...localViolation(local), ...foreignViolation(foreign)] };
}

function localViolation(addresses: readonly string[]): Violation[] {
  if (addresses.length === 0) return [];
  const message = `endpoints have ${named(addresses)}: loopback, link-local, multicast or unspecified addresses, or none in the usual spelling, which every policy forbids; use addresses of pods of this virtual cluster`;
  return [{ rule: 'endpointAddresses', level: 'privileged', field: 'endpoints', message }];
}

function foreignViolation(addresses: readonly string[]): Violation[] {
  if (addresses.length === 0) return [];
  const message = `endpoints have ${named(addresses)}: no addresses of running pods of this virtual cluster (pods on the network of their node have none of their own), which the baseline policy forbids; use a selector or addresses of such pods, or ask the platform to allow the range in sync.toHost.endpointSlices.allowedRanges`;
  return [{ rule: 'endpointAddresses', level: 'baseline', field: 'endpoints', message }];
}

function named(addresses: readonly string[]): string {
  const more = addresses.length - NAMED;
  return addresses.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
