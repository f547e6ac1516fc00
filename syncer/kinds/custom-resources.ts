import type { CustomResourceFromHost, CustomResourceToHost } from '../configuration';
import type { ResourceType } from '../kube-client';
import { CustomResourceTranslator, MAX_DEPTH, objectChanges, viewOf } from '../translation';
import type { CustomResource } from '../translation';
import type { Caches } from './caches';
import { withoutLastApplied } from './caches';
import { DefinitionCopy } from './definitions';
import type { DefinedKind } from './definitions';
import type { KindEnvironment } from './environment';
import type { References } from './references';
import { Twins } from './twins';
import type { VirtualPatch } from './twins';
import { Views } from './views';

/** A kind at work: runs until the signal ends it. */
interface Kind {
  run(signal: AbortSignal): Promise<void>;
}

/** The kinds of custom resources that the configuration names, with the copies of their definitions. */
export function customResources(environment: KindEnvironment, caches: Caches, references: References): readonly Kind[] {
  const { toHost, fromHost } = environment.configuration.sync;
  return [
    ...toHost.customResources.flatMap((kind) => twins(environment, caches, references, kind)),
    ...fromHost.customResources.flatMap((kind) => views(environment, caches, kind)),
  ];
}

function typeOf({ group, version, kind, resource, scope }: DefinedKind): ResourceType {
  return { group, version, kind, resource, namespaced: scope === 'Namespaced' };
}

/** Custom resources of the tenant: one twin each, the status back. */
function twins(
  environment: KindEnvironment,
  caches: Caches,
  references: References,
  kind: CustomResourceToHost,
): readonly Kind[] {
  const { identity, anchor, configuration, logger } = environment;
  const type = typeOf(kind);
  const definition = new DefinitionCopy(environment, caches, kind);
  const translator = new CustomResourceTranslator(kind, configuration.sync.toHost.customResources, {
    identity,
    anchor,
  });
  const virtual = caches.of<CustomResource>('virtual', type, { mayBeMissing: true, transform: withoutLastApplied });
  const host = caches.of<CustomResource>('host', type, { mayBeMissing: true });
  references.add({
    cache: virtual,
    references: (object) => translator.references(object),
    whenAbsent: definition,
  });
  const engine = new Twins<CustomResource>(environment, caches, {
    type,
    custom: true,
    name: `${kind.resource}.${kind.group}`,
    virtual,
    host,
    // A tenant's own definition may have another scope.
    concerns: ({ metadata }) => (metadata?.namespace !== undefined) === type.namespaced,
    translate: (object) => translator.translate(object),
    // It may stand for data.
    whenRefused: 'keep',
    virtualPatch(twin, object): VirtualPatch {
      const form = definition.statusForm();
      if (form === undefined) return {};
      const status = translator.virtualStatus(twin, object, form === 'subresource');
      if (status === undefined) {
        logger.warn(
          { kind: type.kind, name: object.metadata?.name },
          `status not shown: over ${MAX_DEPTH} levels deep`,
        );
        return {};
      }
      const changes = objectChanges(status, object['status']);
      if (Object.keys(changes).length === 0) return {};
      return form === 'subresource' ? { status: changes } : { object: { status: changes } };
    },
    knownNames: (object) => translator.knownNames(object),
  });
  definition.onServed((side) => {
    caches.retry((side === 'host' ? host : virtual) as never);
    // What the host refused while it lacked the kind.
    for (const key of virtual.keys()) engine.enqueue(key);
  });
  return [definition, engine];
}

/** Custom resources of the host that tenants see. */
function views(environment: KindEnvironment, caches: Caches, kind: CustomResourceFromHost): readonly Kind[] {
  const type = typeOf(kind);
  const definition = new DefinitionCopy(environment, caches, kind);
  const places = kind.scope === 'Cluster' ? [undefined] : kind.namespaces;
  const shown = places.map(
    (place) =>
      new Views<CustomResource>(environment, caches, {
        type,
        custom: true,
        exact: true,
        selector: kind.selector,
        show: viewOf,
        ...(place === undefined
          ? {}
          : { namespaces: { host: place.host ?? environment.identity.hostNamespace, virtual: place.virtual } }),
        status: () => definition.statusForm(),
        cache: { mayBeMissing: true },
      }),
  );
  definition.onServed((side) => {
    for (const view of shown) {
      caches.retry(view[side] as never);
      view.enqueueAll();
    }
  });
  return [definition, ...shown];
}
