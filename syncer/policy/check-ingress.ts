import type { Ingress } from 'kubernetes-types/networking/v1';
import { violation, type PolicyLevel, type Violation } from './violation';

/** What Ingresses of a virtual cluster may claim on the host. */
export interface IngressPolicy {
  readonly level: PolicyLevel;
  /** Names, or `*.` and a domain for all below it. Empty: all, at level `restricted` none. */
  readonly allowedHosts: readonly string[];
  /** Empty: all. */
  readonly allowedClasses: readonly string[];
  /** Whether tenants see a class of the host. @default they see none, and it does not matter */
  readonly isShown?: ((className: string) => boolean) | undefined;
  /** Whether a class that nobody named may be the host's to choose. @default true */
  readonly mayLackClass?: boolean | undefined;
}

/** How classes were named before there was a field. */
const LEGACY_CLASS = 'kubernetes.io/ingress.class';

/** What would end a location in a controller's configuration, or quote it (CVE-2026-24512); no path of a URL has it unescaped. */
const UNSAFE_IN_PATH = /[\p{C}\p{Z};{}"'`\\#<>]/u;

/**
 * Holds a **translated** Ingress to the policy: hosts and classes that the tenant may have, and paths that are nothing but paths, as
 * the controller is shared.
 *
 * @returns all violations; empty when the Ingress may go to the host
 */
export function checkIngress(ingress: Ingress, policy: IngressPolicy): Violation[] {
  return [...hosts(ingress, policy), ...classes(ingress, policy), ...paths(ingress, policy)];
}

function* hosts({ spec }: Ingress, { level, allowedHosts }: IngressPolicy): Generator<Violation> {
  if (allowedHosts.length === 0 && level !== 'restricted') return;
  const remedy =
    allowedHosts.length === 0
      ? 'ask the operator of the platform to allow hosts'
      : `use one of ${allowedHosts.slice(0, 5).join(', ')}${allowedHosts.length > 5 ? ' or others that are allowed' : ''}`;
  const lowest = allowedHosts.length === 0 ? 'restricted' : 'baseline';
  const say = (field: string, value: unknown): Violation => violation('ingressHosts', lowest, field, value, remedy);
  if (spec?.defaultBackend) yield say('spec.defaultBackend', 'for every host');
  for (const [index, { host }] of (spec?.rules ?? []).entries()) {
    if (!host || !isAllowed(host, allowedHosts)) yield say(`spec.rules[${index}].host`, host || undefined);
  }
  for (const [index, tls] of (spec?.tls ?? []).entries()) {
    for (const [at, host] of (tls.hosts ?? []).entries()) {
      if (!isAllowed(host, allowedHosts)) yield say(`spec.tls[${index}].hosts[${at}]`, host);
    }
  }
}

/** A wildcard is allowed where all that it stands for is. */
function isAllowed(host: string, allowedHosts: readonly string[]): boolean {
  const claimed = host.toLowerCase();
  return allowedHosts.some((allowed) => {
    if (claimed === allowed) return true;
    return allowed.startsWith('*.') && claimed.replace(/^\*\./, '').endsWith(allowed.slice(1));
  });
}

function* classes(
  { metadata, spec }: Ingress,
  { allowedClasses, isShown, mayLackClass }: IngressPolicy,
): Generator<Violation> {
  const field = 'spec.ingressClassName';
  const named = [spec?.ingressClassName, metadata?.annotations?.[LEGACY_CLASS]].filter((one) => one !== undefined);
  const remedy =
    allowedClasses.length > 0
      ? `use one of ${allowedClasses.join(', ')}`
      : 'use one that kubectl get ingressclass shows';
  if (named.length === 0 && mayLackClass === false)
    yield violation('ingressClass', 'baseline', field, undefined, remedy);
  for (const name of named) {
    const allowed = allowedClasses.length === 0 || allowedClasses.includes(name);
    if (!allowed || isShown?.(name) === false) yield violation('ingressClass', 'baseline', field, name, remedy);
  }
}

function* paths({ spec }: Ingress, { level }: IngressPolicy): Generator<Violation> {
  if (level === 'privileged') return;
  for (const [index, { http }] of (spec?.rules ?? []).entries()) {
    for (const [at, { path }] of (http?.paths ?? []).entries()) {
      if (path === undefined || !UNSAFE_IN_PATH.test(path)) continue;
      const remedy = 'leave out spaces, quotes, braces, backslashes and any of ; # < >';
      yield violation('ingressPath', 'baseline', `spec.rules[${index}].http.paths[${at}].path`, path, remedy);
    }
  }
}
