import type { KubeObject } from '../kube-client';

/** A merge patch that fails on another object of the same name: with the UID of the one that was seen, which nothing can change. */
export function exactly({ metadata }: KubeObject, patch: object): object {
  return { ...patch, metadata: { ...(patch as KubeObject).metadata, uid: metadata?.uid } };
}
