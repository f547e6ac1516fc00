import { X509Certificate } from 'node:crypto';
import { Issuer } from '../pki/certificate';
import type { KeyPair } from '../pki/certificate';
import type { IssueServingCertificate } from './kubelet-endpoints';

/** Life of a serving certificate, in milliseconds. It never leaves this process, which makes another each day. */
const LIFE = 7 * 86_400_000;
/** How far the clock of the caller may be behind, in milliseconds. */
const SKEW = 3_600_000;

/**
 * Issues serving certificates of what the gateway itself answers for, signed by the kubelet authority: of virtual nodes, each for one
 * address and nothing else, or of a service by its name.
 *
 * @param service the DNS name that the virtual API server demands of an aggregated API's server: `NAME.NAMESPACE.svc`
 * @throws Error when the authority's certificate and key cannot be read or do not belong together
 */
export function servingCertificateIssuer(authority: KeyPair, service?: string): IssueServingCertificate {
  const issuer = new Issuer(authority);
  const authorityEnds = Date.parse(new X509Certificate(authority.certificate).validTo);
  return (address) => {
    const now = Date.now();
    return issuer.issue(
      service === undefined
        ? { commonName: 'nestling-virtual-node', addresses: [address], usages: ['server'] }
        : { commonName: service, dnsNames: [service], usages: ['server'] },
      { notBefore: new Date(now - SKEW), notAfter: new Date(Math.min(now + LIFE, authorityEnds)) },
    );
  };
}
