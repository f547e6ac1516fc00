import { DefinitionCopy } from '../../../syncer/kinds/definitions';
import { References } from '../../../syncer/kinds/references';
import { resources } from '../../../syncer/kube-client';
import type { AnyObject } from '../../../syncer/kube-client';
import type { Definition } from '../../../syncer/translation';
import { listed, playClusters } from './played-clusters';

const kind = { group: 'example.org', version: 'v2', kind: 'Widget', resource: 'widgets', scope: 'Namespaced' } as const;
const name = 'widgets.example.org';

let resourceVersion = 2;

/** A definition of the virtual cluster that serves these versions. */
const definition = (versions: readonly string[], more: { copy?: boolean; established?: boolean } = {}): Definition => ({
  metadata: {
    name,
    uid: 'uid',
    resourceVersion: String(resourceVersion++),
    ...(more.copy === true ? { labels: { 'nestling.dev/from-host': 'true' } } : {}),
  },
  spec: {
    group: kind.group,
    scope: kind.scope,
    names: { kind: kind.kind, plural: kind.resource },
    versions: ['v1', 'v2'].map((one) => ({ name: one, served: versions.includes(one), storage: one === 'v1' })),
  },
  status: { conditions: [{ type: 'Established', status: more.established === false ? 'False' : 'True' }] },
});

/** References of a custom resource whose objects cannot be listed, with the definition that the virtual cluster has. */
async function referencesWith(...found: readonly Definition[]) {
  const { environment, caches } = await playClusters();
  const whenAbsent = new DefinitionCopy(environment, caches, kind);
  const cache = caches.of<AnyObject>('virtual', { ...kind, namespaced: true }, { mayBeMissing: true });
  const references = new References();
  references.add({ cache, references: () => [], whenAbsent });
  let told = 0;
  references.onComplete(() => told++);
  const definitions = caches.of<Definition>('virtual', resources.customResourceDefinitions, { only: name });
  listed(definitions, ...found);
  await Promise.resolve();
  return { references, definitions, told: () => told };
}

test('all references are known while nothing of the kind can be there', async () => {
  expect((await referencesWith()).references.isComplete).toBe(true);
  expect((await referencesWith(definition(['v1']))).references.isComplete).toBe(true);
  // Another definition has its names.
  expect((await referencesWith(definition(['v2'], { established: false }))).references.isComplete).toBe(true);
});

test('references may be missing while objects that are served were not listed, or a copy is about to serve them', async () => {
  expect((await referencesWith(definition(['v2']))).references.isComplete).toBe(false);
  expect((await referencesWith(definition(['v1'], { copy: true }))).references.isComplete).toBe(false);
});

test("that a tenant's definition ceases to serve the kind is told, once, and that it serves it again counts", async () => {
  const { references, definitions, told } = await referencesWith(definition(['v2']));
  const before = told();
  definitions.upsert(definition(['v1']));
  definitions.upsert(definition(['v1']));
  expect(references.isComplete).toBe(true);
  expect(told()).toBe(before + 1);
  definitions.upsert(definition(['v1', 'v2']));
  expect(references.isComplete).toBe(false);
  definitions.remove(definition(['v1', 'v2']));
  expect(references.isComplete).toBe(true);
  expect(told()).toBe(before + 2);
});
