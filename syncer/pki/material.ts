import { randomBytes, X509Certificate } from 'node:crypto';
import { createAuthority, createTokenKey, Issuer, type KeyPair, publicKeyPem } from './certificate';
import { AUTHORITIES, type AuthorityName, type LeafPlan, SHARED_LEAFS } from './plan';
import { atLeast, type Lifetimes, LIFETIMES, validityFrom, whyIssue } from './renewal';

/** Keys of Secret NAME-certs that hold no certificate. */
export const MATERIAL_KEYS = {
  /** Private key that signs service account tokens. */
  tokenKey: 'sa.key',
  /** Its public half. */
  tokenPublicKey: 'sa.pub',
  /** First path segment of the admission webhook: known to the API server and the syncer only. */
  admissionPath: 'admission-path',
} as const;

/** What a Secret NAME-certs that cannot be used says, with the remedy. */
export class MaterialError extends Error {
  override readonly name = 'MaterialError';
}

/** Keys and certificates of a virtual cluster: everything in Secret NAME-certs by key. */
export class Material {
  readonly #values: Map<string, string>;
  readonly #changes = new Map<string, string>();
  readonly #reasons: string[] = [];
  readonly #issuers = new Map<AuthorityName, Issuer>();

  /** @param stored contents of the Secret */
  constructor(stored: ReadonlyMap<string, string>) {
    this.#values = new Map(stored);
  }

  /** What must be written to the Secret. */
  get changes(): ReadonlyMap<string, string> {
    return this.#changes;
  }

  /** What was made and why, for the log. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  /** @throws Error when there is no such key */
  get(key: string): string {
    const value = this.#values.get(key);
    if (value === undefined) throw new Error(`certificates: there is no "${key}"`);
    return value;
  }

  /** Value that may be missing. */
  find(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Certificate and key of a name. @throws Error when there are none */
  pair(name: string): KeyPair {
    return { certificate: this.get(`${name}.crt`), key: this.get(`${name}.key`) };
  }

  /** Sets a value; an equal one is no change. */
  set(key: string, value: string): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    this.#changes.set(key, value);
  }

  /**
   * Makes what is missing and renews what is due.
   *
   * @param leafs the certificates that have to be there
   * An authority that exists is never replaced: everybody who trusts it would be cut off.
   *
   * @throws MaterialError when an authority or the token key is incomplete, unreadable or at its end
   */
  complete(now: Date, lifetimes: Lifetimes = LIFETIMES, leafs: readonly LeafPlan[] = SHARED_LEAFS): void {
    for (const name of AUTHORITIES) this.#completeAuthority(name, now, lifetimes);
    for (const leaf of leafs) this.#completeLeaf(leaf, now, lifetimes);
    this.#completeTokenKey();
    if (!/^[0-9a-f]{32,}$/.test(this.find(MATERIAL_KEYS.admissionPath) ?? '')) {
      this.renewAdmissionPath();
    }
  }

  /** Makes another secret path of the admission webhook. */
  renewAdmissionPath(): void {
    this.set(MATERIAL_KEYS.admissionPath, randomBytes(24).toString('hex'));
  }

  /** Issues a certificate that is not kept. */
  issue({ authority, request, leastLifeMs }: LeafPlan, now: Date, lifetimes: Lifetimes = LIFETIMES): KeyPair {
    let issuer = this.#issuers.get(authority);
    if (issuer === undefined) {
      issuer = new Issuer(this.pair(authority));
      this.#issuers.set(authority, issuer);
    }
    const latest = new X509Certificate(this.get(`${authority}.crt`)).validToDate;
    return issuer.issue(request, validityFrom(now, atLeast(lifetimes, leastLifeMs).leafMs, latest));
  }

  #completeAuthority(name: AuthorityName, now: Date, lifetimes: Lifetimes): void {
    const certificate = this.find(`${name}.crt`);
    const key = this.find(`${name}.key`);
    if (certificate === undefined && key === undefined) {
      this.#setPair(name, createAuthority(`nestling-${name}`, validityFrom(now, lifetimes.authorityMs)), 'missing');
      return;
    }
    if (certificate === undefined || key === undefined)
      throw incomplete(`${name}.crt`, `${name}.key`, key === undefined);
    let parsed: X509Certificate;
    try {
      parsed = new X509Certificate(certificate);
      new Issuer({ certificate, key });
    } catch (error) {
      throw new MaterialError(
        `Secret keys ${name}.crt and ${name}.key: ${(error as Error).message}; restore both from a backup`,
        { cause: error },
      );
    }
    if (now >= parsed.validToDate) {
      throw new MaterialError(
        `Secret key ${name}.crt: the authority ended on ${parsed.validToDate.toISOString()}; delete ${name}.crt and ` +
          `${name}.key to make a new one, and hand out new kubeconfigs`,
      );
    }
  }

  #completeLeaf(leaf: LeafPlan, now: Date, lifetimes: Lifetimes): void {
    const pair = { certificate: this.find(`${leaf.name}.crt`), key: this.find(`${leaf.name}.key`) };
    const authority = new X509Certificate(this.get(`${leaf.authority}.crt`));
    const reason = whyIssue(pair, leaf.request, authority, now, atLeast(lifetimes, leaf.leastLifeMs));
    if (reason !== undefined) this.#setPair(leaf.name, this.issue(leaf, now, lifetimes), reason);
  }

  #completeTokenKey(): void {
    const { tokenKey, tokenPublicKey } = MATERIAL_KEYS;
    const key = this.find(tokenKey);
    if (key === undefined) {
      if (this.find(tokenPublicKey) !== undefined) throw incomplete(tokenPublicKey, tokenKey, true);
      const { privateKey, publicKey } = createTokenKey();
      this.set(tokenKey, privateKey);
      this.set(tokenPublicKey, publicKey);
      this.#reasons.push(`${tokenKey}: missing`);
      return;
    }
    if (this.find(tokenPublicKey) !== undefined) return;
    try {
      this.set(tokenPublicKey, publicKeyPem(key));
    } catch (error) {
      throw new MaterialError(`Secret key ${tokenKey}: ${(error as Error).message}; restore it from a backup`, {
        cause: error,
      });
    }
  }

  #setPair(name: string, { certificate, key }: KeyPair, reason: string): void {
    this.set(`${name}.crt`, certificate);
    this.set(`${name}.key`, key);
    this.#reasons.push(`${name}: ${reason}`);
  }
}

function incomplete(certificate: string, key: string, keyIsMissing: boolean): MaterialError {
  const [there, missing] = keyIsMissing ? [certificate, key] : [key, certificate];
  return new MaterialError(
    `Secret key ${missing} is missing while ${there} is there; restore ${missing} from a backup, or delete ${there} ` +
      `to make both anew (everything they signed becomes invalid)`,
  );
}
