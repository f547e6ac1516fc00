import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1';
import { ENDPOINT_SLICE } from '../../../syncer/translation/endpoint-slice';
import { OLDEST_HOST_MINOR, podReferences, translateIngress, translatePod } from '../../../syncer/translation';
import type { Field } from '../../../syncer/translation/fields';
import { INGRESS_SPEC } from '../../../syncer/translation/ingress';
import { PERSISTENT_VOLUME_CLAIM_SPEC } from '../../../syncer/translation/persistent-volume-claim';
import { EPHEMERAL_CONTAINER, POD_SPEC } from '../../../syncer/translation/pod-fields';
import { NETWORK_POLICY_SPEC } from '../../../syncer/translation/network-policy';
import { POD_DISRUPTION_BUDGET_SPEC } from '../../../syncer/translation/pod-disruption-budget';
import { RESOURCE_CLAIM_SPEC } from '../../../syncer/translation/resource-claim';
import { SERVICE_SPEC } from '../../../syncer/translation/service';
import { KUBERNETES_VERSION } from '../../../images';
import { anchor, contextWith, identity, podWith } from './fixtures';

type AnyField = Field<never>;
type Step = string | '[]';

/** Lists of the fields of API types, one per minor of Kubernetes; `npm run api-fields` makes them. */
const LISTS = join(__dirname, 'api-fields');
const MINORS = [...new Set(readdirSync(LISTS).map((name) => /v1\.\d+/.exec(name)?.[0] ?? ''))].sort();

const read = (list: string, minor: string): string[] =>
  readFileSync(join(LISTS, `${list}.${minor}.fields`), 'utf8')
    .trim()
    .split('\n');

/** The fields of all minors, each once. */
const readAll = (list: string): string[] => [...new Set(MINORS.flatMap((minor) => read(list, minor)))];

const steps = (path: string): Step[] => path.replace(/\{\}$/, '').replaceAll('[]', '.[]').split('.');

const text = (path: readonly Step[]): string => path.join('.').replaceAll('.[]', '[]');

/** The table's entry for a path of the schema, or undefined; one that is left out or refused covers what is below it. */
function entry(table: AnyField, path: readonly Step[]): AnyField | undefined {
  const [first, ...rest] = path;
  if (first === undefined || table.class === 'dropped' || table.class === 'refused') return table;
  if (table.class === 'list') return first === '[]' ? entry(table.item, rest) : undefined;
  if (table.class === 'object') {
    const field = table.fields.get(first);
    return field && entry(field, rest);
  }
  return (table.class === 'plain' || table.class === 'translated') && path.length === 1 && first === '[]'
    ? table
    : undefined;
}

/** All leaves of a table, as paths. */
function* leaves(table: AnyField, path: readonly Step[] = []): Generator<{ path: readonly Step[]; leaf: AnyField }> {
  if (table.class === 'list') yield* leaves(table.item, [...path, '[]']);
  else if (table.class === 'object') {
    for (const [name, field] of table.fields) yield* leaves(field, [...path, name]);
  } else yield { path, leaf: table };
}

/** An object with `value` at a path of the schema. */
function at(path: readonly Step[], value: unknown): unknown {
  return path.reduceRight((inner, step) => (step === '[]' ? [inner] : { [step]: inner }), value);
}

test('the lists of fields are of the newest three minors', () => {
  const newest = Number(KUBERNETES_VERSION.split('.')[1]);
  expect(MINORS).toEqual([`v1.${newest - 2}`, `v1.${newest - 1}`, `v1.${newest}`]);
});

describe('the table of PodSpec', () => {
  const schema = readAll('pod-spec');

  test.each(MINORS)('has every field of the schema of %s, as a leaf', (minor) => {
    const schema = read('pod-spec', minor);
    const containers = schema.filter((path) => path.startsWith('containers[].'));
    const all = [...schema, ...containers.map((path) => path.replace('containers', 'initContainers'))];
    const missing = all.filter((path) => {
      const found = entry(POD_SPEC as AnyField, steps(path));
      return found === undefined || found.class === 'object' || found.class === 'list';
    });
    expect(missing).toEqual([]);
  });

  test.each(MINORS)('has every field of an ephemeral container of %s', (minor) => {
    const containers = read('pod-spec', minor).filter((path) => path.startsWith('containers[].'));
    const fields = [...containers.map((path) => path.slice('containers[].'.length)), 'targetContainerName'];
    expect(fields.filter((path) => entry(EPHEMERAL_CONTAINER as AnyField, steps(path)) === undefined)).toEqual([]);
  });

  test('has no field that no schema has', () => {
    const known = new Set(schema.map((path) => steps(path).join('.').replaceAll('.[]', '')));
    const unknown = [...leaves(POD_SPEC as AnyField)]
      .filter(({ path, leaf }) => leaf.class !== 'dropped' && leaf.class !== 'refused' && path[0] !== 'initContainers')
      .map(({ path }) => path.join('.').replaceAll('.[]', ''))
      .filter((path) => !known.has(path));
    expect(unknown).toEqual([]);
  });

  test('maps and lists of the schema are maps and lists in the table', () => {
    for (const path of schema) {
      const found = entry(POD_SPEC as AnyField, steps(path));
      if (found?.class !== 'plain' && found?.class !== 'translated') continue;
      const kind = path.endsWith('{}') ? 'map' : path.endsWith('[]') ? 'list' : '';
      expect([path, found.shape.toLowerCase()]).toEqual([
        path,
        expect.stringMatching(new RegExp(`${kind || '^(scalar|string)'}$`)),
      ]);
    }
  });

  // Longer than any host name, so that it cannot be a part of one.
  const marker = 'untranslated-'.repeat(6) + 'z';
  const references = [...leaves(POD_SPEC as AnyField)].filter(({ leaf }) => leaf.class === 'reference');

  test('knows all the references', () => {
    expect(references.length).toBeGreaterThanOrEqual(24);
  });

  test.each(references.map(({ path }) => text(path)))('translates the reference %s', (path) => {
    const spec = at(steps(path), marker) as object;
    const pod = podWith(spec);
    const translation = translatePod(pod, contextWith({ resourceClaims: true }));
    expect(translation.ok).toBe(true);
    expect(JSON.stringify(translation.ok && translation.object)).not.toContain(marker);
    expect(JSON.stringify(translation.ok && translation.object)).toContain(marker.slice(0, 52));
    if (!path.includes('glusterfs')) {
      expect(translation.ok && translation.references).toEqual([
        expect.objectContaining({ name: marker, namespace: 'shop' }),
      ]);
    }
    expect(podReferences(pod)).toEqual(translation.ok && translation.references);
  });

  const refused = [...leaves(POD_SPEC as AnyField)].filter(({ leaf }) => leaf.class === 'refused');

  test.each(refused.map(({ path }) => text(path)))('refuses %s with its path', (path) => {
    const translation = translatePod(podWith(at(steps(path), marker) as object), contextWith());
    expect(translation).toMatchObject({ ok: false, reason: 'Unsupported' });
    expect(!translation.ok && translation.message).toContain(`spec.${path.replaceAll('[]', '[0]')} `);
  });

  const droppedFields = [...leaves(POD_SPEC as AnyField)].filter(({ leaf }) => leaf.class === 'dropped');

  test.each(droppedFields.map(({ path }) => text(path)))('leaves out %s', (path) => {
    const translation = translatePod(podWith(at(steps(path), marker) as object), contextWith());
    expect(translation.ok).toBe(true);
    expect(JSON.stringify(translation.ok && translation.object)).not.toContain(marker);
  });

  test('refuses a field that it does not know, wherever it stands', () => {
    const pod = podWith({
      containers: [{ name: 'main', image: 'a', env: [{ name: 'A', valueFrom: { vaultRef: {} } }] }],
    });
    const translation = translatePod(pod as Pod, contextWith());
    expect(!translation.ok && translation.message).toMatch(
      /^spec\.containers\[0\]\.env\[0\]\.valueFrom\.vaultRef is a field/,
    );
  });
});

describe('the table of IngressSpec', () => {
  test.each(MINORS)('has every field of the schema of %s, as a leaf', (minor) => {
    const missing = read('ingress-spec', minor).filter((path) => {
      const found = entry(INGRESS_SPEC as AnyField, steps(path));
      return found === undefined || found.class === 'object' || found.class === 'list';
    });
    expect(missing).toEqual([]);
  });

  const marker = 'untranslated-'.repeat(6) + 'z';
  const references = [...leaves(INGRESS_SPEC as AnyField)].filter(({ leaf }) => leaf.class === 'reference');

  test.each(references.map(({ path }) => text(path)))('translates the reference %s', (path) => {
    const ingress = { metadata: { name: 'web', namespace: 'shop' }, spec: at(steps(path), marker) as object };
    const translation = translateIngress(ingress, { identity, anchor, annotations: [] });
    expect(JSON.stringify(translation)).toContain(marker.slice(0, 52));
    expect(JSON.stringify(translation.ok && translation.object)).not.toContain(marker);
    expect(translation.ok && translation.references).toEqual([
      expect.objectContaining({ name: marker, namespace: 'shop' }),
    ]);
  });
});

describe.each([
  ['ServiceSpec', 'service-spec', SERVICE_SPEC],
  ['EndpointSlice', 'endpoint-slice', ENDPOINT_SLICE],
  ['PodDisruptionBudgetSpec', 'pod-disruption-budget-spec', POD_DISRUPTION_BUDGET_SPEC],
])('the table of %s', (_, list, table) => {
  test.each(MINORS)('has every field of the schema of %s, as a leaf', (minor) => {
    const missing = read(list, minor).filter((path) => {
      const found = entry(table as AnyField, steps(path));
      return found === undefined || found.class === 'object' || found.class === 'list';
    });
    expect(missing).toEqual([]);
  });

  test('has no field that no schema has', () => {
    const known = new Set(readAll(list).map((path) => text(steps(path).filter((step) => step !== '[]'))));
    const unknown = [...leaves(table as AnyField)].map(({ path }) => text(path.filter((step) => step !== '[]')));
    const covered = (path: string): boolean => [...known].some((one) => one === path || one.startsWith(`${path}.`));
    expect(unknown.filter((path) => !covered(path))).toEqual([]);
  });
});

describe('the table of NetworkPolicySpec', () => {
  test.each(MINORS)('has exactly the fields of the schema of %s', (minor) => {
    const schema = read('network-policy-spec', minor).map((path) => text(steps(path)).replace(/\[\]$/, ''));
    expect([...leaves(NETWORK_POLICY_SPEC as AnyField)].map(({ path }) => text(path)).sort()).toEqual(schema.sort());
  });
});

describe('hosts of every minor get only fields that they have', () => {
  const tables: readonly [string, AnyField][] = [
    ['pod-spec', POD_SPEC as AnyField],
    ['service-spec', SERVICE_SPEC as AnyField],
    ['persistent-volume-claim-spec', PERSISTENT_VOLUME_CLAIM_SPEC as AnyField],
    ['network-policy-spec', NETWORK_POLICY_SPEC as AnyField],
    ['ingress-spec', INGRESS_SPEC as AnyField],
    ['endpoint-slice', ENDPOINT_SLICE as AnyField],
    ['pod-disruption-budget-spec', POD_DISRUPTION_BUDGET_SPEC as AnyField],
    ['resource-claim-spec', RESOURCE_CLAIM_SPEC as AnyField],
  ];
  const numberOf = (minor: string): number => Number(minor.split('.')[1]);
  const sinceOf = (field: AnyField | undefined): number | undefined =>
    field?.class === 'plain' ? field.since?.minor : undefined;

  test.each(tables)(
    '%s: a field that older minors lack says since when there is it, or never goes to a host',
    (list, table) => {
      for (const [index, minor] of MINORS.entries()) {
        const before = new Set(MINORS.slice(0, index).flatMap((older) => read(list, older)));
        const young = index === 0 ? [] : read(list, minor).filter((path) => !before.has(path));
        for (const path of young) {
          const found = entry(table, steps(path));
          if (found?.class === 'dropped' || found?.class === 'refused') continue;
          expect([path, sinceOf(found)]).toEqual([path, numberOf(minor)]);
        }
      }
    },
  );

  test.each(tables)('%s: a field that all minors have has no such rule', (list, table) => {
    const everywhere = read(list, MINORS[0] ?? '').filter((path) =>
      MINORS.every((minor) => read(list, minor).includes(path)),
    );
    expect(everywhere.filter((path) => sinceOf(entry(table, steps(path))) !== undefined)).toEqual([]);
  });

  test('every list is looked at', () => {
    const lists = new Set(readdirSync(LISTS).map((name) => name.replace(/\.v1\..*$/, '')));
    expect(new Set(tables.map(([list]) => list))).toEqual(lists);
  });

  test('the oldest minor of the lists is the oldest host', () => {
    expect(numberOf(MINORS[0] ?? '')).toBe(OLDEST_HOST_MINOR);
  });
});

describe('the table of PersistentVolumeClaimSpec', () => {
  const table = PERSISTENT_VOLUME_CLAIM_SPEC as AnyField;

  test.each(MINORS)('has every field of the schema of %s', (minor) => {
    const missing = read('persistent-volume-claim-spec', minor).filter((path) => {
      const found = entry(table, steps(path));
      return found === undefined || found.class === 'object' || found.class === 'list';
    });
    expect(missing).toEqual([]);
  });

  test('has no field that no schema has', () => {
    const known = readAll('persistent-volume-claim-spec').map((path) => steps(path).join('.').replaceAll('.[]', ''));
    const paths = [...leaves(table)].map(({ path }) => path.join('.').replaceAll('.[]', ''));
    expect(paths.filter((path) => !known.some((one) => one === path || one.startsWith(`${path}.`)))).toEqual([]);
  });
});
