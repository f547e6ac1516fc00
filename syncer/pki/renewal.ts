import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { LeafRequest, LeafUsage, Validity } from './certificate';

const DAY_MS = 86_400_000;
/** Clocks of other machines may be this far behind ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** How long certificates live. All in milliseconds. */
export interface Lifetimes {
  /** Life of an authority. */
  readonly authorityMs: number;
  /** Life of what it signs. */
  readonly leafMs: number;
  /** A leaf with less than this left is due. */
  readonly renewBeforeMs: number;
}

/** Authorities live ten years, leafs one; leafs are renewed in their last 90 days. */
export const LIFETIMES: Lifetimes = { authorityMs: 3650 * DAY_MS, leafMs: 365 * DAY_MS, renewBeforeMs: 90 * DAY_MS };

/** Lifetimes where leafs live this long: they are renewed in their last quarter, and no earlier than {@link LIFETIMES} says. */
export function lifetimesOf(leafMs: number): Lifetimes {
  return { ...LIFETIMES, leafMs, renewBeforeMs: Math.min(LIFETIMES.renewBeforeMs, leafMs / 4) };
}

/** Lifetimes of a leaf that must not live too short a time. */
export function atLeast(lifetimes: Lifetimes, leastLifeMs = 0): Lifetimes {
  return lifetimes.leafMs >= leastLifeMs ? lifetimes : lifetimesOf(leastLifeMs);
}

/** A certificate's validity from now on, never beyond its authority's. */
export function validityFrom(now: Date, lifeMs: number, latest?: Date): Validity {
  const end = new Date(now.getTime() + lifeMs);
  return {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: latest !== undefined && latest < end ? latest : end,
  };
}

/** When a certificate is due for renewal. @throws Error when the PEM cannot be read */
export function dueAt(certificate: string, lifetimes: Lifetimes = LIFETIMES): Date {
  return new Date(new X509Certificate(certificate).validToDate.getTime() - lifetimes.renewBeforeMs);
}

/**
 * Why a leaf must be issued (again).
 *
 * @param pair what is there, PEM
 * @param authority the certificate that must have signed it
 * @returns a reason for the log, or undefined when the leaf is good
 */
export function whyIssue(
  pair: { readonly certificate?: string | undefined; readonly key?: string | undefined },
  request: LeafRequest,
  authority: X509Certificate,
  now: Date,
  lifetimes: Lifetimes = LIFETIMES,
): string | undefined {
  if (pair.certificate === undefined || pair.key === undefined) return 'missing';
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return 'its key is of another certificate';
  } catch {
    return 'unreadable';
  }
  if (!certificate.verify(authority.publicKey)) return 'signed by another authority';
  // One that ends with its authority would not live longer if it were new.
  const extensible = certificate.validToDate < authority.validToDate;
  if (extensible && now.getTime() >= certificate.validToDate.getTime() - lifetimes.renewBeforeMs) {
    return `valid until ${certificate.validToDate.toISOString()}`;
  }
  return mismatch(certificate, request);
}

const usageIdentifiers: Record<LeafUsage, string> = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

/** What a certificate that is valid by itself says otherwise than it should. Names beyond those asked for are no fault. */
function mismatch(certificate: X509Certificate, request: LeafRequest): string | undefined {
  const subject = [
    ...(request.organizations ?? []).map((organization) => `O=${organization}`),
    `CN=${request.commonName}`,
  ].join('\n');
  if (certificate.subject !== subject) return `issued to ${certificate.subject.replaceAll('\n', ', ')}`;
  const usages = new Set(certificate.keyUsage ?? []);
  if (!request.usages.every((usage) => usages.has(usageIdentifiers[usage]))) return 'issued for another use';
  const names = new Set((certificate.subjectAltName ?? '').split(', '));
  const lacking =
    request.dnsNames?.find((name) => !names.has(`DNS:${name}`)) ??
    request.addresses?.find((address) => certificate.checkIP(address) === undefined);
  return lacking === undefined ? undefined : `does not name ${lacking}`;
}
