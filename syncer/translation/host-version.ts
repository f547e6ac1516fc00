import type { Leaf } from './fields';

/*
 * Fields of the synced kinds that not every host has: those that are younger than the oldest minor of Kubernetes that a host
 * may have. A host that lacks one gets the object without it where that means the same, else not at all. A field without
 * a rule here is on every host, or is never sent to one. test/unit/translation/pod-fields.test.ts compares with the
 * schemas of all minors.
 */

/** Oldest minor of Kubernetes 1 that a host may have. */
export const OLDEST_HOST_MINOR = 35;

type PlainLeaf = Extract<Leaf, { class: 'plain' }>;

const scalar = { class: 'plain', shape: 'scalar' } as const;
const scalars = { class: 'plain', shape: 'scalarList' } as const;

function since(minor: number, leaf: PlainLeaf, remedy: string, implied: readonly unknown[] = []): PlainLeaf {
  return { ...leaf, since: { minor, implied, remedy } };
}

/** Owner of a file in a volume (alpha in 1.37). Without it root owns the file, and the container may not read it. */
const fileOwner = since(37, scalar, 'use securityContext.fsGroup and a mode that lets the group read', [0]);

/** The rules, by field. */
export const YOUNG_FIELDS = {
  /** `httpGet.protocol` of probes and hooks (alpha in 1.37). An older kubelet speaks HTTP/1.1. */
  httpGetProtocol: since(37, scalar, 'use HTTP/1.1, a tcpSocket or an exec probe', ['HTTP1']),
  /** `grpc.mode` of probes (alpha in 1.37). An older kubelet uses no TLS. */
  grpcMode: since(37, scalar, 'use Plaintext or an exec probe', ['Plaintext']),
  /** `volumeMounts[].bindMountOptions` (alpha in 1.37). They protect: a mount without them would allow more. */
  bindMountOptions: since(37, scalars, 'leave them out if the container may do without that protection'),
  /** `emptyDir.mode` (alpha in 1.37). An older kubelet makes the folder with 0777. */
  emptyDirMode: since(37, scalar, 'set the mode in an init container', [0o777]),
  /** `derivedAttributes[]` of a device request in a ResourceClaim (alpha in 1.37). Without them other devices are found. */
  derivedAttribute: since(37, scalar, 'write the expression into the selectors'),
  /** `defaultUser` of volumes that are made of files. */
  defaultUser: fileOwner,
  /** `user` of a file in such a volume. */
  user: fileOwner,
} as const;

/**
 * The minor in a version as API servers name theirs: 35 for `v1.35.4` and for `v1.35.4-gke.100`.
 *
 * @returns undefined when it is no version of Kubernetes 1
 */
export function minorOf(gitVersion: string): number | undefined {
  const match = /^v?1\.(\d+)(?!\d)/.exec(gitVersion);
  return match ? Number(match[1]) : undefined;
}

/** An answer of strict decoding names each field that the server does not know. */
const UNKNOWN_FIELD = /unknown field \\?"([^"\\]+)\\?"/g;

/**
 * What to tell a tenant whose object the host did not take because it does not know fields of it; undefined when the refusal
 * has another reason.
 *
 * @param message of the host's API server
 * @param hostMinor undefined: not known
 */
export function unknownFieldsText(message: string, hostMinor: number | undefined): string | undefined {
  // What stands before may be the patch itself, in the tenant's words.
  const start = message.lastIndexOf('strict decoding error: ');
  if (start < 0) return undefined;
  // The host's object may have more elements than the tenant's, so that its indices say nothing to the tenant.
  const paths = [...message.slice(start).matchAll(UNKNOWN_FIELD)].map(([, path = '']) =>
    path.replace(/\[\d+\]/g, '[]'),
  );
  if (paths.length === 0) return undefined;
  const version = hostMinor === undefined ? 'the Kubernetes of the host' : `Kubernetes 1.${hostMinor} of the host`;
  return `${[...new Set(paths)].join(', ')}: not known to ${version}; leave it out, or ask the platform for a newer host`;
}
