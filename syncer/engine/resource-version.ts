const comparable = /^[1-9]\d*$/;

/**
 * Order of two resource versions of one kind in one cluster: negative, zero or positive; undefined when they cannot
 * be ordered.
 *
 * Kubernetes 1.35 made it part of the API that they are decimal numbers which grow (KEP-5504); API servers on etcd
 * did the same all along. Anything else (an aggregated API of a tenant) is opaque: only equality means something.
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === b) return a === undefined ? undefined : 0;
  if (a === undefined || b === undefined || !comparable.test(a) || !comparable.test(b)) return undefined;
  // As texts, since they may be larger than a double's integers.
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}
