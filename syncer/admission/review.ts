import type { KubeObject } from '../kube-client';
import type { JsonPatchOperation } from './json-patch';

/** What the API server asks (`admission.k8s.io/v1` AdmissionRequest), as far as handlers need it. */
export interface AdmissionRequest {
  /** Identifies this call; chosen by the API server. */
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** Empty when a create leaves the name to `generateName`. */
  readonly name: string;
  readonly namespace: string;
  /** Empty for the object itself. */
  readonly subResource: string;
  readonly dryRun: boolean;
  /** The object as it would be stored; absent for a delete. */
  readonly object: KubeObject | undefined;
  /** The stored object that an update or delete is about. */
  readonly oldObject: KubeObject | undefined;
}

/** Why a request is not admitted. */
export interface Refusal {
  /** HTTP status that the tenant gets, 400 or above. */
  readonly code: number;
  /** Machine-readable reason (`metav1.StatusReason`). */
  readonly reason: string;
  /** In the tenant's own names. */
  readonly message: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly { reason?: string; message?: string; field?: string }[];
  };
}

/** What a handler decides. */
export type AdmissionDecision =
  | { readonly allowed: true; readonly patch?: readonly JsonPatchOperation[] }
  | { readonly allowed: false; readonly refusal: Refusal };

/** Decides about one request; it should give up when the signal fires. */
export type AdmissionHandler = (request: AdmissionRequest, signal: AbortSignal) => Promise<AdmissionDecision>;

/** The request goes on as it is. */
export const ALLOWED: AdmissionDecision = { allowed: true };

/** The request goes on with changes. */
export function allowWith(patch: readonly JsonPatchOperation[]): AdmissionDecision {
  return patch.length === 0 ? ALLOWED : { allowed: true, patch };
}

/** The request ends here. */
export function refuse(refusal: Refusal): AdmissionDecision {
  return { allowed: false, refusal };
}

const operations: ReadonlySet<unknown> = new Set(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']);

/**
 * Reads an AdmissionReview.
 *
 * @returns the request, or a sentence that says what is wrong with it
 */
export function parseReview(body: string): AdmissionRequest | string {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    return 'the body is not JSON; send an AdmissionReview of admission.k8s.io/v1';
  }
  if (!isRecord(review) || review['apiVersion'] !== 'admission.k8s.io/v1' || review['kind'] !== 'AdmissionReview') {
    return 'the body is not an AdmissionReview of admission.k8s.io/v1; set admissionReviewVersions: [v1] in the webhook';
  }
  const request = review['request'];
  if (!isRecord(request)) return 'request: missing; it must be an AdmissionRequest';
  const { uid, operation, name = '', namespace = '', subResource = '', dryRun = false } = request;
  if (typeof uid !== 'string' || uid === '') return 'request.uid: must be a non-empty string';
  if (!operations.has(operation)) return 'request.operation: must be CREATE, UPDATE, DELETE or CONNECT';
  if (typeof name !== 'string') return 'request.name: must be a string';
  if (typeof namespace !== 'string') return 'request.namespace: must be a string';
  if (typeof subResource !== 'string') return 'request.subResource: must be a string';
  if (typeof dryRun !== 'boolean') return 'request.dryRun: must be a boolean';
  const objects: { object?: KubeObject; oldObject?: KubeObject } = {};
  for (const field of ['object', 'oldObject'] as const) {
    const value = request[field];
    if (value === undefined || value === null) continue;
    if (!isRecord(value) || !isRecord(value['metadata'] ?? {})) return `request.${field}: must be a Kubernetes object`;
    objects[field] = value as KubeObject;
  }
  return {
    uid,
    operation: operation as AdmissionRequest['operation'],
    name,
    namespace,
    subResource,
    dryRun,
    object: objects.object,
    oldObject: objects.oldObject,
  };
}

/** The AdmissionReview that answers a request, as JSON. */
export function formatReview(uid: string, decision: AdmissionDecision): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, ...(decision.allowed ? allowed(decision.patch) : refused(decision.refusal)) },
  });
}

function allowed(patch: readonly JsonPatchOperation[] = []): object {
  if (patch.length === 0) return { allowed: true };
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

function refused({ code, reason, message, details }: Refusal): object {
  return { allowed: false, status: { status: 'Failure', code, reason, message, ...(details ? { details } : {}) } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
