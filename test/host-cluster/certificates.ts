import { generateKeyPairSync } from 'node:crypto';
import type { KeyPair, Validity } from '../../syncer/pki/certificate';
import { createAuthority, Issuer } from '../../syncer/pki/certificate';

export type { KeyPair } from '../../syncer/pki/certificate';

const DAY = 86_400_000;

/** From yesterday, as clocks differ, for that many days. */
function validFor(days: number): Validity {
  return { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + days * DAY) };
}

/** Whom a certificate is for. */
export interface Subject {
  readonly commonName: string;
  /** Groups of the user, for client certificates. */
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

/** The certificate authority of one test cluster. */
export class Authority {
  /** Its certificate and key as PEM. */
  readonly pem: KeyPair;
  private readonly issuer: Issuer;

  constructor(commonName: string) {
    this.pem = createAuthority(commonName, validFor(3650));
    this.issuer = new Issuer(this.pem);
  }

  /** Issues a certificate, valid for a year, for a server and a client alike. */
  issue(subject: Subject): KeyPair {
    return this.issuer.issue({ ...subject, usages: ['server', 'client'] }, validFor(365));
  }
}

/** A key pair that signs service account tokens, as PEM. */
export function tokenKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}
