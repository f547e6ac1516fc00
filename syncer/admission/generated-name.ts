import { createHash } from 'node:crypto';

/** Upstream's alphabet for generated names: no vowels and no look-alikes. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
/** Longest part of `generateName` that is kept, as upstream. */
const BASE_LENGTH = 58;

/**
 * The name for an object that has only `generateName`, of upstream's form. It follows from the request's UID, which is
 * random, so that a repeated call of the webhook finds the name it has already reserved.
 *
 * @param requestUID UID of the admission request
 * @param attempt counts up while names are taken
 */
export function generatedName(generateName: string, requestUID: string, attempt: number): string {
  const digest = createHash('sha256').update(`${attempt}/${requestUID}`).digest();
  let suffix = '';
  for (let index = 0; index < SUFFIX_LENGTH; index++) {
    suffix += ALPHABET[digest.readUInt32BE(index * 4) % ALPHABET.length];
  }
  return generateName.slice(0, BASE_LENGTH) + suffix;
}
