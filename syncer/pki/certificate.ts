import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { ADDRESS_BITS, addressToBits, familyOf } from '../configuration';
import {
  DER_TRUE,
  derBits,
  derElement,
  derElements,
  derObjectIdentifier,
  derOctets,
  derSequence,
  derSetOf,
  derText,
  derTime,
  derUnsigned,
} from './der';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
}

/** From when to when a certificate is valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Whom a certificate names and what it may be used for. */
export interface LeafRequest {
  /** CN: the user's name in client certificates. */
  readonly commonName: string;
  /** O: the user's groups in client certificates. */
  readonly organizations?: readonly string[];
  /** DNS names that a server answers for. */
  readonly dnsNames?: readonly string[];
  /** IPv4 and IPv6 addresses that a server answers for. */
  readonly addresses?: readonly string[];
  readonly usages: readonly LeafUsage[];
}

/** Side of TLS that a certificate may be shown on. */
export type LeafUsage = 'server' | 'client';

const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  subjectAlternativeName: '2.5.29.17',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const;

/** Bits of KeyUsage, the first bit leftmost. */
const KEY_USAGE = {
  digitalSignature: { byte: 0x80, unused: 7 },
  /** digitalSignature, keyCertSign and cRLSign. */
  authority: { byte: 0x86, unused: 1 },
} as const;

const VERSION_3 = derElement(0xa0, derUnsigned(Buffer.from([2])));
const ALGORITHM = derSequence(derObjectIdentifier(OID.ecdsaWithSha256));

/**
 * A new certificate authority with an ECDSA P-256 key.
 *
 * X.509 is written here, with keys and signatures by OpenSSL: Node.js reads certificates but writes none, and the library for it
 * cannot be imported without a further package for metadata reflection.
 */
export function createAuthority(commonName: string, validity: Validity): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = distinguishedName({ commonName });
  const certificate = signed({
    issuer: subject,
    subject,
    validity,
    publicKey,
    signingKey: privateKey,
    extensions: [
      extension(OID.basicConstraints, derSequence(DER_TRUE), true),
      keyUsage(KEY_USAGE.authority),
      extension(OID.subjectKeyIdentifier, derOctets(keyIdentifier(publicKey))),
    ],
  });
  return { certificate, key: keyPem(privateKey) };
}

/**
 * Issues certificates of one authority; its PEM is read once.
 *
 * @throws Error when certificate and key of the authority cannot be read or do not belong together
 */
export class Issuer {
  readonly #key: KeyObject;
  readonly #name: Buffer;
  readonly #keyIdentifier: Buffer;

  constructor(authority: KeyPair) {
    const certificate = new X509Certificate(authority.certificate);
    this.#key = createPrivateKey(authority.key);
    if (!certificate.checkPrivateKey(this.#key)) {
      throw new Error(
        `certificate authority "${certificate.subject}": its key is of another certificate; restore the two together`,
      );
    }
    this.#name = subjectOf(certificate);
    this.#keyIdentifier = keyIdentifier(certificate.publicKey);
  }

  /** A new ECDSA P-256 key with a certificate for it. @throws TypeError for an address that is none */
  issue(request: LeafRequest, validity: Validity): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = alternativeNames(request);
    const certificate = signed({
      issuer: this.#name,
      subject: distinguishedName(request),
      validity,
      publicKey,
      signingKey: this.#key,
      extensions: [
        extension(OID.basicConstraints, derSequence(), true),
        keyUsage(KEY_USAGE.digitalSignature),
        extension(OID.extendedKeyUsage, derSequence(...request.usages.map((usage) => derObjectIdentifier(OID[usage])))),
        extension(OID.subjectKeyIdentifier, derOctets(keyIdentifier(publicKey))),
        extension(OID.authorityKeyIdentifier, derSequence(derElement(0x80, this.#keyIdentifier))),
        ...(names.length > 0 ? [extension(OID.subjectAlternativeName, derSequence(...names))] : []),
      ],
    });
    return { certificate, key: keyPem(privateKey) };
  }
}

/** A new ECDSA P-256 key that signs tokens: private key as PKCS #8 and public key as SPKI, both PEM. */
export function createTokenKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = keyPem(privateKey);
  return { privateKey: pem, publicKey: publicKeyPem(pem) };
}

/** The public key of a private one, as SPKI in PEM. @throws Error when the PEM cannot be read */
export function publicKeyPem(privateKey: string): string {
  return createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' }) as string;
}

function signed(parts: {
  issuer: Buffer;
  subject: Buffer;
  validity: Validity;
  publicKey: KeyObject;
  signingKey: KeyObject;
  extensions: readonly Buffer[];
}): string {
  const body = derSequence(
    VERSION_3,
    serialNumber(),
    ALGORITHM,
    parts.issuer,
    derSequence(derTime(parts.validity.notBefore), derTime(parts.validity.notAfter)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    derElement(0xa3, derSequence(...parts.extensions)),
  );
  return pem('CERTIFICATE', derSequence(body, ALGORITHM, derBits(sign('sha256', body, parts.signingKey))));
}

/** 127 random bits, never zero and never negative. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return derUnsigned(bytes);
}

/** Organizations before the common name, each in a set of its own, as Go and OpenSSL write them. */
function distinguishedName({
  organizations = [],
  commonName,
}: Pick<LeafRequest, 'organizations' | 'commonName'>): Buffer {
  return derSequence(
    ...organizations.map((organization) => attribute(OID.organization, organization)),
    attribute(OID.commonName, commonName),
  );
}

function attribute(type: string, value: string): Buffer {
  return derSetOf(derSequence(derObjectIdentifier(type), derText(value)));
}

/** An address as 4 or 16 bytes. @throws TypeError for what is no address */
function addressBytes(address: string): Buffer {
  const digits = ADDRESS_BITS[familyOf(address)] / 4;
  return Buffer.from(addressToBits(address).toString(16).padStart(digits, '0'), 'hex');
}

function alternativeNames({ dnsNames = [], addresses = [] }: LeafRequest): Buffer[] {
  return [
    ...dnsNames.map((name) => derElement(0x82, Buffer.from(name, 'latin1'))),
    ...addresses.map((address) => derElement(0x87, addressBytes(address))),
  ];
}

function extension(type: string, value: Buffer, critical = false): Buffer {
  return derSequence(derObjectIdentifier(type), ...(critical ? [DER_TRUE] : []), derOctets(value));
}

function keyUsage({ byte, unused }: { byte: number; unused: number }): Buffer {
  return extension(OID.keyUsage, derBits(Buffer.from([byte]), unused), true);
}

/** RFC 7093, method 1: 160 bits of the SHA-256 of the public key's bit string. */
function keyIdentifier(key: KeyObject): Buffer {
  const [, bits] = derElements(key.export({ type: 'spki', format: 'der' }));
  if (bits === undefined) throw new Error('public key without a bit string');
  // Content of the BIT STRING: behind tag, length (one byte for P-256, more for longer keys) and the count of unused bits.
  const header = bits.readUInt8(1) < 0x80 ? 2 : 2 + (bits.readUInt8(1) & 0x7f);
  return createHash('sha256')
    .update(bits.subarray(header + 1))
    .digest()
    .subarray(0, 20);
}

/** The subject as the certificate encodes it: issued certificates must repeat it byte by byte. */
function subjectOf(certificate: X509Certificate): Buffer {
  const [body] = derElements(certificate.raw);
  // version, serial number, algorithm, issuer, validity, subject
  const subject = body && derElements(body)[5];
  if (subject === undefined) throw new Error(`certificate "${certificate.subject}" has no version 3 body`);
  return subject;
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
