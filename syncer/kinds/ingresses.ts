import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1';
import { objectKey } from '../engine';
import { resources } from '../kube-client';
import { ingressContext, ingressSteps } from '../policy';
import { ingressClassOf, ingressReferences, isView, virtualIngressStatus } from '../translation';
import type { Caches } from './caches';
import { withoutLastApplied } from './caches';
import type { KindEnvironment } from './environment';
import type { References } from './references';
import { warn } from './refusals';
import { Twins } from './twins';
import type { Views } from './views';

/** Index of virtual Ingresses by the class that they ask for. */
const BY_CLASS = 'ingressClass';
/** Keys that an event lists. */
const LISTED = 10;

/**
 * Ingresses. With a view of the host's classes, one of a class that is not shown is refused, and one of a class that the tenant made
 * itself stays in the virtual cluster, where the tenant's own controller serves it.
 *
 * @param classes the view of the host's classes, where tenants have one
 */
export function ingresses(
  environment: KindEnvironment,
  caches: Caches,
  references: References,
  classes: Views<IngressClass> | undefined,
): Twins<Ingress> {
  const context = ingressContext(environment.configuration, environment);
  const steps = ingressSteps(environment.configuration, environment, classes);
  const virtual = caches.of<Ingress>('virtual', resources.ingresses, { transform: withoutLastApplied });
  const host = caches.of<Ingress>('host', resources.ingresses);
  references.add({ cache: virtual, references: (ingress) => ingressReferences(ingress, context) });
  const told = new DroppedAnnotations(environment);

  const twins = new Twins<Ingress>(environment, caches, {
    type: resources.ingresses,
    virtual,
    host,
    waitFor: classes ? [classes.host, classes.virtual] : [],
    concerns(ingress) {
      const own = classes?.virtual.get(ingressClassOf(ingress) ?? '');
      return own === undefined || isView(own);
    },
    ...steps,
    translate(ingress) {
      const translation = steps.translate(ingress);
      told.tell(ingress, translation.dropped ?? []);
      return translation;
    },
    // What the tenant may not claim any more must not stay in force.
    whenRefused: 'remove',
    virtualPatch: (twin, ingress) => ({ status: virtualIngressStatus(twin, ingress) }),
    // Not those of the tenant's own controller, which may serve it by now.
    withoutTwin: (twin, ingress) =>
      virtualIngressStatus(twin, ingress) ? {} : { status: virtualIngressStatus({}, ingress) },
    knownNames: (ingress) => ingressReferences(ingress, context),
  });

  virtual.addIndex(BY_CLASS, (ingress) => [ingressClassOf(ingress) ?? ''].filter((name) => name !== ''));
  virtual.subscribe(({ type, object }) => {
    if (type === 'deleted') told.forget(object);
  });
  for (const cache of classes ? [classes.host, classes.virtual] : []) {
    cache.subscribe(({ key }) => {
      for (const ingress of virtual.byIndex(BY_CLASS, key)) twins.enqueue(objectKey(ingress));
    });
  }
  return twins;
}

/** Tells the tenant which annotations of an Ingress stay behind: once, and again when they are others. */
class DroppedAnnotations {
  /** What was told last, by UID. */
  readonly #told = new Map<string, string>();
  readonly #environment: Pick<KindEnvironment, 'events'>;

  constructor(environment: Pick<KindEnvironment, 'events'>) {
    this.#environment = environment;
  }

  tell(ingress: Ingress, keys: readonly string[]): void {
    const uid = ingress.metadata?.uid ?? '';
    const all = keys.join();
    if ((this.#told.get(uid) ?? '') === all) return;
    if (keys.length === 0) this.#told.delete(uid);
    else this.#told.set(uid, all);
    if (keys.length === 0) return;
    const more = keys.length > LISTED ? ` and ${keys.length - LISTED} more` : '';
    const message =
      `annotations that the host does not get, as no rule of the platform allows them: ${keys.slice(0, LISTED).join(', ')}${more}; ` +
      'ask its operator for those that the ingress controller needs';
    warn(this.#environment, resources.ingresses, ingress, 'AnnotationsLeftOut', message);
  }

  forget({ metadata }: Ingress): void {
    this.#told.delete(metadata?.uid ?? '');
  }
}
