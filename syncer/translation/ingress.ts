import type { Ingress, IngressSpec, IngressStatus } from 'kubernetes-types/networking/v1';
import type { AnnotationRule } from '../configuration';
import type { ObjectContext, Reference, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import { Copier, list, object, plain, plainList, reference, translated, type Field, type ReferredKind } from './fields';
import type { HostRight } from './host-right';
import { hostAnnotations, type AnnotationEnvironment } from './ingress-annotations';
import { jsonEqual } from './json';
import { hostMetadata } from './metadata';
import { hostName } from './names';

/** What the syncer does with ingresses on the host. */
export const INGRESS_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'networking.k8s.io',
    resources: ['ingresses'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

/** How classes were named before there was a field for them. */
export const LEGACY_CLASS = 'kubernetes.io/ingress.class';

/** What an Ingress's translation needs. */
export interface IngressContext extends ObjectContext {
  /** The platform's rules for annotations. */
  readonly annotations: readonly AnnotationRule[];
  /** Class of Ingresses that name none. @default the host's default class */
  readonly defaultClass?: string | undefined;
}

/** What the copier and the rules of an Ingress share during one translation. */
class IngressEnvironment extends RefusalCollector implements AnnotationEnvironment {
  readonly references: Reference[] = [];
  readonly hostNamespace: string;

  constructor(
    readonly namespace: string,
    readonly context: ObjectContext,
  ) {
    super();
    this.hostNamespace = context.identity.hostNamespace;
  }

  twin(kind: Reference['kind'], name: string): string {
    // A controller serves an Ingress without what it refers to, too.
    this.references.push({ kind, namespace: this.namespace, name, optional: true });
    return hostName(this.context.identity, this.namespace, name);
  }

  override reference(kind: ReferredKind, name: string): string {
    return this.twin(kind as Reference['kind'], name);
  }
}

/** Kinds of the core group that a backend may be, as they are synced; no others mean anything on the host. */
const RESOURCE_KINDS: ReadonlySet<unknown> = new Set(['ConfigMap', 'Secret']);

const BACKEND: Field<IngressEnvironment> = object<IngressEnvironment>({
  resource: object<IngressEnvironment>(
    { apiGroup: plain, kind: plain, name: translated },
    (copy, source, environment, path) => {
      if (!source['apiGroup'] && RESOURCE_KINDS.has(source['kind'])) {
        copy['name'] = environment.twin(source['kind'] as 'ConfigMap' | 'Secret', String(source['name']));
      } else {
        environment.refuse(
          path(),
          `is a ${String(source['kind'])}, which is not on the host; use a Service, ConfigMap or Secret`,
        );
      }
    },
  ),
  service: object<IngressEnvironment>(
    { name: reference('Service', true), port: object({ name: plain, number: plain }) },
    (_copy, source, environment, path) => {
      if (environment.namespace !== 'default' || source['name'] !== 'kubernetes') return;
      const why =
        'is the API server, which is not among the Services on the host; ask the operator of the platform to expose it';
      environment.refuse(`${path()}.name`, why);
    },
  ),
});

/** Every field of IngressSpec. Hosts and classes mean the same on the host: who may have which is the policy's to say. */
export const INGRESS_SPEC: Field<IngressEnvironment> = object<IngressEnvironment>({
  defaultBackend: BACKEND,
  ingressClassName: plain,
  rules: list(
    object<IngressEnvironment>({
      host: plain,
      http: object<IngressEnvironment>({
        paths: list(object<IngressEnvironment>({ backend: BACKEND, path: plain, pathType: plain })),
      }),
    }),
  ),
  tls: list(object<IngressEnvironment>({ hosts: plainList, secretName: reference('Secret', true) })),
});

/** The class that an Ingress asks for, by the field or by the annotation that was before it. */
export function ingressClassOf({ metadata, spec }: Ingress): string | undefined {
  return spec?.ingressClassName || metadata?.annotations?.[LEGACY_CLASS] || undefined;
}

/** The twin of an Ingress, and the keys of annotations that stay behind, of which the tenant should know. */
export type IngressTranslation = Translation<Ingress> & { readonly dropped?: readonly string[] };

/**
 * The host twin of an Ingress. References are the Services, Secrets and ConfigMaps that it names, in its spec and in annotations.
 *
 * @returns a refusal `Unsupported` when a field or an annotation cannot be had in a virtual cluster
 */
export function translateIngress(ingress: Ingress, context: IngressContext): IngressTranslation {
  const environment = new IngressEnvironment(ingress.metadata?.namespace ?? '', context);
  const spec = new Copier(environment).copy(INGRESS_SPEC, ingress.spec ?? {}, ['spec']) as IngressSpec;
  const { [LEGACY_CLASS]: legacy, ...others } = ingress.metadata?.annotations ?? {};
  // Read as the field, unless the platform has a controller that knows the annotation only.
  const kept = legacy !== undefined && context.annotations.some(({ key }) => key === LEGACY_CLASS);
  const { annotations, dropped } = hostAnnotations(
    kept ? { ...others, [LEGACY_CLASS]: legacy } : others,
    context.annotations,
    environment,
  );
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const className = ingressClassOf(ingress) ?? context.defaultClass;
  // The API refuses an Ingress that has both.
  if (className === undefined || annotations[LEGACY_CLASS] !== undefined) delete spec.ingressClassName;
  else spec.ingressClassName = className;
  const metadata = hostMetadata('Ingress', ingress.metadata, context);
  metadata.annotations = { ...annotations, ...metadata.annotations };
  return {
    ok: true,
    object: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata, spec },
    references: environment.references,
    dropped,
  };
}

/** What an Ingress refers to on the host; nothing while it cannot be there. */
export function ingressReferences(ingress: Ingress, context: IngressContext): readonly Reference[] {
  const translation = translateIngress(ingress, context);
  return translation.ok ? translation.references : [];
}

/** What stands under `status` in a merge patch that shows the host's addresses in the virtual Ingress; undefined when it does. */
export function virtualIngressStatus(host: Ingress, virtual: Ingress): { readonly loadBalancer: object } | undefined {
  const addresses = (status: IngressStatus | undefined): unknown => status?.loadBalancer?.ingress;
  const ingress = addresses(host.status);
  return jsonEqual(ingress, addresses(virtual.status)) ? undefined : { loadBalancer: { ingress: ingress ?? null } };
}
