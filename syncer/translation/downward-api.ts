import type { Container, EphemeralContainer, ObjectFieldSelector, Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { JsonObject } from './fields';
import { formatMap } from './go-quote';
import { ANNOTATIONS, hostAnnotationKey, hostLabelKey } from './keys';
import type { PodEnvironment } from './pod-environment';

/*
 * The host's kubelet fills downward API fields from the host pod. Those that would show the host's view are turned to
 * annotations of ours with the virtual pod's; only what a pod asks for is put there.
 */

/** A field of the pod as the downward API names it, for the host pod. */
interface HostField {
  readonly fieldPath: string;
  /** Annotation that the host pod must carry for it; undefined where it has what is needed anyhow. */
  readonly annotation?: { readonly key: string; readonly value: (pod: Pod) => string | undefined };
}

const SAME_ON_HOST: ReadonlySet<string> = new Set([
  'spec.nodeName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

function annotationPath(key: string): string {
  return `metadata.annotations['${key}']`;
}

/** Where the host's kubelet finds a field, or undefined for one that is not known. */
function hostField(fieldPath: string): HostField | undefined {
  if (SAME_ON_HOST.has(fieldPath)) return { fieldPath };
  switch (fieldPath) {
    case 'metadata.name':
      return { fieldPath: annotationPath(ANNOTATIONS.name) };
    case 'metadata.namespace':
      return { fieldPath: annotationPath(ANNOTATIONS.namespace) };
    case 'metadata.uid':
      return { fieldPath: annotationPath(ANNOTATIONS.uid) };
    case 'metadata.labels':
      return asAnnotation(ANNOTATIONS.labels, (pod) => formatMap(pod.metadata?.labels));
    case 'metadata.annotations':
      return asAnnotation(ANNOTATIONS.annotations, (pod) => formatMap(pod.metadata?.annotations));
    case 'spec.serviceAccountName':
      return asAnnotation(ANNOTATIONS.serviceAccount, (pod) => pod.spec?.serviceAccountName ?? 'default');
  }
  const [, map, key] = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (key === undefined) return undefined;
  if (map === 'labels') return { fieldPath: `metadata.labels['${hostLabelKey(key)}']` };
  return asAnnotation(hostAnnotationKey(key), (pod) => {
    const annotations = pod.metadata?.annotations;
    return annotations !== undefined && Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  });
}

function asAnnotation(key: string, value: (pod: Pod) => string | undefined): HostField {
  return { fieldPath: annotationPath(key), annotation: { key, value } };
}

/** Rule of a fieldRef. */
export function translateFieldRef(
  copy: JsonObject,
  source: JsonObject,
  environment: PodEnvironment,
  path: () => string,
): void {
  const fieldPath = source['fieldPath'];
  const field = typeof fieldPath === 'string' ? hostField(fieldPath) : undefined;
  if (field !== undefined) copy['fieldPath'] = field.fieldPath;
  else
    environment.refuse(
      `${path()}.fieldPath`,
      `is ${JSON.stringify(fieldPath)}, which this version does not know; leave it out`,
    );
}

/** Annotations that the host pod carries for the downward API, by what the virtual pod refers to, ephemeral containers included. */
export function downwardAnnotations(pod: Pod): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { fieldPath } of fieldRefs(pod.spec)) {
    const annotation = hostField(fieldPath)?.annotation;
    const value = annotation?.value(pod);
    if (annotation !== undefined && value !== undefined) result[annotation.key] = value;
  }
  return result;
}

function* fieldRefs(spec: PodSpec | undefined): Generator<ObjectFieldSelector> {
  const containers: readonly (Container | EphemeralContainer)[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const { valueFrom } of container.env ?? []) if (valueFrom?.fieldRef) yield valueFrom.fieldRef;
  }
  for (const volume of spec?.volumes ?? []) {
    for (const item of volume.downwardAPI?.items ?? []) if (item.fieldRef) yield item.fieldRef;
    for (const source of volume.projected?.sources ?? []) {
      for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) yield item.fieldRef;
    }
  }
}
