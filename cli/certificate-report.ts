import { X509Certificate } from 'node:crypto';
import { AUTHORITIES, lifetimesOf } from '../syncer/pki';

const DAY_MS = 86_400_000;
/** So long before the end of an authority, which nobody replaces by itself, it is time to plan for it. */
const AUTHORITY_NOTICE_MS = 90 * DAY_MS;
/** The syncer renews within minutes; after so long something holds it up. */
const OVERDUE_MS = DAY_MS;

/** A certificate of a virtual cluster. */
export interface ReportedCertificate {
  /** Key of Secret NAME-certs, without `.crt`. */
  readonly name: string;
  readonly authority: boolean;
  /** Such as `CN=kube-apiserver`. */
  readonly subject: string;
  /** DNS names and addresses; empty where it has none. */
  readonly names: readonly string[];
  /** RFC 3339. */
  readonly ends: string;
  readonly daysLeft: number;
  /** When it is renewed by itself; undefined: it lives as long as its authority, or is one. */
  readonly renewed: string | undefined;
  readonly status: 'good' | 'ends soon' | 'overdue' | 'ended' | 'unreadable';
}

/**
 * What there is to say of the certificates in Secret NAME-certs.
 *
 * @param values contents of the Secret by key, decoded; keys that are no certificates are left out
 * @returns authorities first, then by name
 */
export function certificateReport(values: ReadonlyMap<string, string>, now: Date): readonly ReportedCertificate[] {
  const ends = AUTHORITIES.flatMap((name) => {
    const certificate = parsed(values.get(`${name}.crt`));
    return certificate === undefined ? [] : [endOf(certificate).getTime()];
  });
  const all = [...values].flatMap(([key, pem]) =>
    key.endsWith('.crt') ? [reported(key.slice(0, -4), pem, now, ends)] : [],
  );
  return all.sort((one, other) => Number(other.authority) - Number(one.authority) || (one.name < other.name ? -1 : 1));
}

function reported(name: string, pem: string, now: Date, authorityEnds: readonly number[]): ReportedCertificate {
  const authority = (AUTHORITIES as readonly string[]).includes(name);
  const certificate = parsed(pem);
  if (certificate === undefined) {
    return { name, authority, subject: '', names: [], ends: '', daysLeft: 0, renewed: undefined, status: 'unreadable' };
  }
  const end = endOf(certificate);
  const leftMs = end.getTime() - now.getTime();
  const { renewBeforeMs } = lifetimesOf(end.getTime() - Date.parse(certificate.validFrom));
  // One that ends with its authority would not live longer if it were new.
  const renewed =
    authority || authorityEnds.includes(end.getTime()) ? undefined : new Date(end.getTime() - renewBeforeMs);
  return {
    name,
    authority,
    subject: certificate.subject?.split('\n').join(', ') ?? '',
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .flatMap((one) => (one === '' ? [] : [one.replace(/^(DNS|IP Address):/, '')])),
    ends: end.toISOString(),
    daysLeft: Math.floor(leftMs / DAY_MS),
    renewed: renewed?.toISOString(),
    status: statusOf(leftMs, renewed, now),
  };
}

function statusOf(leftMs: number, renewed: Date | undefined, now: Date): ReportedCertificate['status'] {
  if (leftMs <= 0) return 'ended';
  if (renewed === undefined) return leftMs < AUTHORITY_NOTICE_MS ? 'ends soon' : 'good';
  return now.getTime() > renewed.getTime() + OVERDUE_MS ? 'overdue' : 'good';
}

/** `validToDate` is not there before Node.js 22.10. */
function endOf(certificate: X509Certificate): Date {
  return new Date(certificate.validTo);
}

function parsed(pem: string | undefined): X509Certificate | undefined {
  try {
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
