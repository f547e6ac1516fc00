/** Longest name of a virtual cluster, in characters: its StatefulSet's pods carry a label of the name, a dash and ten more. */
export const MAX_NAME_LENGTH = 52;

/** Length of the hash that a StatefulSet puts after its name into the label `controller-revision-hash`, without the dash. */
const REVISION_HASH_LENGTH = 10;
const MAX_LABEL_LENGTH = 63;

/**
 * What is wrong with the name of a virtual cluster.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function clusterNameProblem(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    const child = `${name}-${'0'.repeat(REVISION_HASH_LENGTH)}`;
    return (
      `has ${name.length} characters, which makes its longest child name too long: label controller-revision-hash on pod ${name}-0 ` +
      `would be ${name}-<${REVISION_HASH_LENGTH} characters>, ${child.length} of at most ${MAX_LABEL_LENGTH}; ` +
      `choose a name of at most ${MAX_NAME_LENGTH} characters`
    );
  }
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return 'is no DNS label (RFC 1035): use lower-case letters, digits and dashes, begin with a letter and end with a letter or digit';
  }
  return undefined;
}

/**
 * What is wrong with a DNS name such as a cluster domain or a server name.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function dnsNameProblem(name: string): string | undefined {
  if (name.length > 253) return `has ${name.length} characters: a DNS name has at most 253`;
  const labels = name.split('.');
  if (!labels.every((label) => label.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label))) {
    return 'is no DNS name: use labels of lower-case letters, digits and dashes, at most 63 characters each, joined by dots';
  }
  return undefined;
}
