import type { Container, EphemeralContainer, Pod, PodSpec, ResourceRequirements } from 'kubernetes-types/core/v1';
import type { Translation, TranslationContext } from './context';
import { Copier, type JsonObject } from './fields';
import { pullAlways } from './image-pulls';
import { jsonEqual } from './json';
import { metadataPatch } from './metadata-patch';
import { addVariables, podMetadata } from './pod';
import { PodEnvironment } from './pod-environment';
import { EPHEMERAL_CONTAINER } from './pod-fields';
import { serviceVariables } from './service-links';

/*
 * All patches here are strategic merge patches: containers merge by name, so that those which others injected on the host
 * stay as they are. Each carries the host pod's UID, which makes it fail on a namesake (as invalid,
 * 422, on `metadata.uid`).
 */

/**
 * What of a virtual pod can change while it lives, for the host pod: labels (its own and its namespace's), annotations that
 * its downward API shows, images, the deadline, added tolerations. Undefined when nothing differs.
 *
 * @param patched the whole host pod after field patches, where there are some; its own patch must not undo theirs
 */
export function hostPodPatch(
  virtualPod: Pod,
  hostPod: Pod,
  context: TranslationContext,
  patched?: Pod,
): object | undefined {
  const metadata = metadataPatch(patched?.metadata ?? podMetadata(virtualPod, context), hostPod.metadata);
  const spec = specPatch(patched?.spec ?? virtualPod.spec, hostPod.spec);
  if (metadata === undefined && spec === undefined) return undefined;
  return { metadata: { uid: hostPod.metadata?.uid, ...metadata }, ...(spec && { spec }) };
}

function specPatch(virtual: PodSpec | undefined, host: PodSpec | undefined): JsonObject | undefined {
  const changes: JsonObject = {};
  for (const list of ['containers', 'initContainers'] as const) {
    const images = changedContainers(virtual?.[list], host?.[list], (wanted, actual) =>
      wanted.image !== undefined && wanted.image !== actual.image ? { image: wanted.image } : undefined,
    );
    if (images.length > 0) changes[list] = images;
  }
  const deadline = virtual?.activeDeadlineSeconds;
  if (deadline !== undefined && deadline !== host?.activeDeadlineSeconds) changes['activeDeadlineSeconds'] = deadline;
  // The list is replaced as a whole; the API lets nobody take a toleration away.
  const present = host?.tolerations ?? [];
  const added = (virtual?.tolerations ?? []).filter((wanted) => !present.some((one) => jsonEqual(one, wanted)));
  if (added.length > 0) changes['tolerations'] = [...present, ...added];
  return Object.keys(changes).length > 0 ? changes : undefined;
}

/**
 * Patch for `pods/resize` on the host: the limits and requests of containers, init containers and the pod that differ from
 * the virtual pod's (or those of the host pod after field patches). What the host added (a LimitRange's defaults) stays.
 * Undefined when nothing differs.
 */
export function hostPodResize(virtualPod: Pod, hostPod: Pod): object | undefined {
  const changes: JsonObject = {};
  const [virtual, host] = [virtualPod.spec, hostPod.spec];
  for (const list of ['containers', 'initContainers'] as const) {
    const resized = changedContainers(virtual?.[list], host?.[list], (wanted, actual) => {
      const resources = resourceChanges(wanted.resources, actual.resources);
      return resources && { resources };
    });
    if (resized.length > 0) changes[list] = resized;
  }
  const pod = resourceChanges(podResources(virtual), podResources(host));
  if (pod !== undefined) changes['resources'] = pod;
  if (Object.keys(changes).length === 0) return undefined;
  return { metadata: { uid: hostPod.metadata?.uid }, spec: changes };
}

/**
 * Patch for `pods/ephemeralcontainers` on the host with the ephemeral containers that the host pod lacks, or undefined when
 * it has all. Apply {@link hostPodPatch} first: their environment may show annotations that it adds. The policy must see
 * them as part of the host pod before they are sent.
 */
export function hostEphemeralContainers(
  virtualPod: Pod,
  hostPod: Pod,
  context: TranslationContext,
): Translation<Pick<Pod, 'metadata' | 'spec'>> | undefined {
  const present = new Set(hostPod.spec?.ephemeralContainers?.map(({ name }) => name));
  const all = virtualPod.spec?.ephemeralContainers ?? [];
  if (all.every(({ name }) => present.has(name))) return undefined;
  const environment = new PodEnvironment(virtualPod, context);
  const copier = new Copier(environment);
  const variables = serviceVariables(context, virtualPod.spec?.enableServiceLinks !== false);
  const added: JsonObject[] = [];
  for (const [index, container] of all.entries()) {
    if (present.has(container.name)) continue;
    const copy = copier.copy(EPHEMERAL_CONTAINER, container, ['spec', 'ephemeralContainers', index]);
    if (copy !== undefined) added.push(copy as JsonObject);
  }
  const refusal = environment.refusal();
  if (refusal) return refusal;
  for (const container of added) addVariables(container as Pick<Container, 'env'>, variables);
  if (context.alwaysPullImages === true) pullAlways({ ephemeralContainers: added as unknown as EphemeralContainer[] });
  return {
    ok: true,
    object: {
      metadata: { ...(hostPod.metadata?.uid !== undefined && { uid: hostPod.metadata.uid }) },
      spec: { ephemeralContainers: added } as unknown as PodSpec,
    },
    references: environment.references,
  };
}

/** Patch elements for containers that both pods have and of which `change` finds something. */
function changedContainers(
  virtual: readonly Container[] | undefined,
  host: readonly Container[] | undefined,
  change: (wanted: Container, actual: Container) => JsonObject | undefined,
): JsonObject[] {
  const byName = new Map(host?.map((container) => [container.name, container]));
  const changes: JsonObject[] = [];
  for (const wanted of virtual ?? []) {
    const actual = byName.get(wanted.name);
    const found = actual && change(wanted, actual);
    if (found !== undefined) changes.push({ name: wanted.name, ...found });
  }
  return changes;
}

function podResources(spec: PodSpec | undefined): ResourceRequirements | undefined {
  return (spec as { resources?: ResourceRequirements } | undefined)?.resources;
}

function resourceChanges(
  wanted: ResourceRequirements | undefined,
  actual: ResourceRequirements | undefined,
): JsonObject | undefined {
  const changes: JsonObject = {};
  for (const list of ['limits', 'requests'] as const) {
    const present = new Map(Object.entries(actual?.[list] ?? {}));
    const changed = Object.entries(wanted?.[list] ?? {}).filter(([key, value]) => present.get(key) !== value);
    if (changed.length > 0) changes[list] = Object.fromEntries(changed);
  }
  return Object.keys(changes).length > 0 ? changes : undefined;
}
