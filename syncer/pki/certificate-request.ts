import { generateKeyPair, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { derBits, derElement, derObjectIdentifier, derSequence, derUnsigned } from './der';

/** The types of keys that a pod can ask for, as `podCertificate.keyType` names them (KEP-4317). */
export const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'] as const;

/** One of {@link KEY_TYPES}. */
export type KeyType = (typeof KEY_TYPES)[number];

/** A new key, and the proof of having it. */
export interface KeyAndRequest {
  /** PKCS #8, PEM. */
  readonly privateKey: string;
  /** PKCS #10, DER: it names nobody and asks for nothing, as a kubelet's does. */
  readonly request: Buffer;
}

interface Algorithm {
  readonly generate: () => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>;
  /** AlgorithmIdentifier of the signature. */
  readonly identifier: Buffer;
  /** Undefined: the signature has its own. */
  readonly digest: string | undefined;
}

const generate = promisify(generateKeyPair);
const NULL = derElement(0x05, Buffer.alloc(0));

const ALGORITHMS: Record<KeyType, Algorithm> = {
  RSA3072: rsa(3072),
  RSA4096: rsa(4096),
  ECDSAP256: ecdsa('P-256', '1.2.840.10045.4.3.2', 'sha256'),
  ECDSAP384: ecdsa('P-384', '1.2.840.10045.4.3.3', 'sha384'),
  ECDSAP521: ecdsa('P-521', '1.2.840.10045.4.3.4', 'sha512'),
  ED25519: {
    generate: () => generate('ed25519'),
    identifier: derSequence(derObjectIdentifier('1.3.101.112')),
    digest: undefined,
  },
};

function rsa(modulusLength: number): Algorithm {
  return {
    generate: () => generate('rsa', { modulusLength }),
    identifier: derSequence(derObjectIdentifier('1.2.840.113549.1.1.11'), NULL),
    digest: 'sha256',
  };
}

function ecdsa(namedCurve: string, signature: string, digest: string): Algorithm {
  return {
    generate: () => generate('ec', { namedCurve }),
    identifier: derSequence(derObjectIdentifier(signature)),
    digest,
  };
}

/** Whether keys of a type can be made here. */
export function isKeyType(text: string): text is KeyType {
  return (KEY_TYPES as readonly string[]).includes(text);
}

/** Makes a key, off the main thread, and a certificate request that is signed with it. */
export async function createKeyAndRequest(type: KeyType): Promise<KeyAndRequest> {
  const { generate: make, identifier, digest } = ALGORITHMS[type];
  const { privateKey, publicKey } = await make();
  const body = derSequence(
    derUnsigned(Buffer.from([0])), // version 1
    derSequence(), // no subject
    publicKey.export({ type: 'spki', format: 'der' }),
    derElement(0xa0, Buffer.alloc(0)), // no attributes
  );
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    request: derSequence(body, identifier, derBits(sign(digest, body, privateKey))),
  };
}
