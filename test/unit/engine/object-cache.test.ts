import fc from 'fast-check';
import { type CacheChange, ObjectCache, objectKey } from '../../../syncer/engine';
import type { KubeObject } from '../../../syncer/kube-client';

interface Thing extends KubeObject {
  value?: string;
}

function thing(
  name: string,
  resourceVersion: number | string,
  more: { uid?: string; value?: string; namespace?: string } = {},
): Thing {
  const { uid = `uid-${name}`, namespace = 'n', value } = more;
  return {
    metadata: { name, namespace, uid, resourceVersion: String(resourceVersion) },
    ...(value === undefined ? {} : { value }),
  };
}

function listed(...things: Thing[]): Map<string, Thing> {
  return new Map(things.map((each) => [objectKey(each), each]));
}

let cache: ObjectCache<Thing>;
let changes: string[];
beforeEach(() => {
  cache = new ObjectCache('things');
  changes = [];
  cache.subscribe(({ type, key, object }) => changes.push(`${type} ${key} ${object.metadata?.resourceVersion}`));
});

test('it is synced by its first list, and by nothing before', async () => {
  cache.upsert(thing('a', 1));
  cache.observe(thing('b', 2));
  expect(cache.synced).toBe(false);
  const abort = new AbortController();
  const givenUp = cache.whenSynced(abort.signal);
  abort.abort(new Error('no longer'));
  await expect(givenUp).rejects.toThrow('no longer');
  const waiting = cache.whenSynced();
  cache.replace(new Map(), '5');
  await waiting;
  await cache.whenSynced();
  expect(cache.synced).toBe(true);
});

test('a list reports only differences', () => {
  cache.replace(listed(thing('a', 1), thing('b', 2), thing('c', 3)), '3');
  changes.length = 0;
  cache.replace(listed(thing('a', 1), thing('b', 5), thing('d', 6)), '9');
  expect(changes).toEqual(['deleted n/c 3', 'modified n/b 5', 'added n/d 6']);
  expect([...cache.keys()].sort()).toEqual(['n/a', 'n/b', 'n/d']);
});

test('what was observed is neither repeated nor overwritten by older events, and a delete still wins', () => {
  cache.replace(listed(thing('a', 1)), '1');
  changes.length = 0;
  cache.observe(thing('a', 7, { value: 'mine' }));
  cache.upsert(thing('a', 5));
  cache.upsert(thing('a', 7, { value: 'mine' }));
  expect(cache.get('n/a')?.value).toBe('mine');
  cache.observe(thing('a', 6));
  expect(changes).toEqual(['modified n/a 7']);
  cache.remove(thing('a', 9));
  expect(cache.has('n/a')).toBe(false);
  expect(changes.at(-1)).toBe('deleted n/a 7');
  cache.observe(thing('b', 20));
  cache.remove(thing('b', 15));
  expect(cache.has('n/b')).toBe(false);
});

test('an answer that comes after the watch has seen the deletion does not bring the object back', () => {
  cache.replace(new Map(), '10');
  cache.upsert(thing('a', 11));
  cache.remove(thing('a', 13));
  cache.observe(thing('a', 12));
  expect(cache.has('n/a')).toBe(false);
  cache.observe(thing('a', 14, { uid: 'another' }));
  expect(cache.has('n/a')).toBe(true);
});

test('a late delete of the former object leaves its successor alone', () => {
  cache.replace(listed(thing('a', 5)), '5');
  changes.length = 0;
  cache.observe(thing('a', 9, { uid: 'new' }));
  cache.remove(thing('a', 8));
  expect(changes).toEqual(['deleted n/a 5', 'added n/a 9']);
  expect(cache.get('n/a')?.metadata?.uid).toBe('new');
});

test('a list does not undo what was observed after it, unless the store was restored', () => {
  cache.replace(listed(thing('a', 5), thing('old', 4)), '5');
  cache.observe(thing('a', 9));
  cache.observe(thing('b', 10));
  cache.replace(listed(thing('a', 5)), '7');
  expect([...cache.keys()]).toEqual(['n/a', 'n/b']);
  expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('9');
  cache.progress('20');
  cache.replace(listed(thing('a', 3, { value: 'restored' })), '6');
  expect([...cache.keys()]).toEqual(['n/a']);
  expect(cache.get('n/a')?.value).toBe('restored');
});

test('versions that cannot be ordered: the watch decides, answers fill gaps only', () => {
  cache.replace(listed(thing('a', 'x1')), 'l1');
  cache.observe(thing('a', 'x2', { value: 'ignored' }));
  expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('x1');
  cache.observe(thing('b', 'x3'));
  expect(cache.has('n/b')).toBe(true);
  cache.upsert(thing('a', 'x0'));
  expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('x0');
});

test('a listener or index that fails stops nobody else', () => {
  const failed: string[] = [];
  const own = new ObjectCache<Thing>('own', { onListenerError: (_, key) => failed.push(key) });
  own.addIndex('bad', (object) => {
    if (object.value === 'poison') throw new Error('no');
    return [object.value ?? ''];
  });
  const heard: string[] = [];
  own.subscribe(() => {
    throw new Error('listener');
  });
  own.subscribe(({ key }) => heard.push(key));
  own.upsert(thing('a', 1, { value: 'poison' }));
  own.upsert(thing('b', 2, { value: 'fine' }));
  expect(heard).toEqual(['n/a', 'n/b']);
  expect(own.byIndex('bad', 'fine').map(objectKey)).toEqual(['n/b']);
  expect(failed).toContain('n/a');
});

test('names that JavaScript objects treat specially are ordinary keys', () => {
  cache.addIndex('value', (object) => [object.value ?? '']);
  for (const name of ['__proto__', 'constructor', 'toString'])
    cache.upsert(thing(name, 1, { value: '__proto__', namespace: '' }));
  expect([...cache.keys()]).toEqual(['__proto__', 'constructor', 'toString']);
  expect(cache.byIndex('value', '__proto__')).toHaveLength(3);
  expect(cache.byIndex('value', 'constructor')).toHaveLength(0);
});

test('indexes cover old and new objects; unknown and double names are errors', () => {
  cache.upsert(thing('a', 1, { value: 'x' }));
  cache.addIndex('value', (object) => [object.value ?? '']);
  expect(cache.byIndex('value', 'x')).toHaveLength(1);
  expect(() => cache.addIndex('value', () => [])).toThrow(/already has an index/);
  expect(() => cache.byIndex('nothing', 'x')).toThrow(/no index "nothing"/);
});

test('whatever happens, indexes and reported changes agree with the objects held', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const object = fc.record({
    name,
    version: fc.integer({ min: 1, max: 30 }),
    uid: fc.constantFrom('u1', 'u2'),
    value: fc.constantFrom('x', 'y'),
  });
  const step = fc.oneof(
    fc.record({ type: fc.constantFrom('upsert' as const, 'remove' as const, 'observe' as const), object }),
    fc.record({
      type: fc.constant('replace' as const),
      objects: fc.array(object),
      version: fc.integer({ min: 1, max: 30 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const tested = new ObjectCache<Thing>('tested');
      tested.addIndex('value', (each) => [each.value ?? '']);
      const mirror = new Map<string, Thing>();
      tested.subscribe((change: CacheChange<Thing>) => {
        expect(mirror.has(change.key)).toBe(change.type !== 'added');
        if (change.type === 'modified') {
          expect(change.previous).toBe(mirror.get(change.key));
          expect(change.previous?.metadata?.uid).toBe(change.object.metadata?.uid);
        }
        if (change.type === 'deleted') mirror.delete(change.key);
        else mirror.set(change.key, change.object);
      });
      const make = (each: { name: string; version: number; uid: string; value: string }) =>
        thing(each.name, each.version, each);
      for (const each of steps) {
        if (each.type === 'replace') tested.replace(listed(...each.objects.map(make)), String(each.version));
        else tested[each.type](make(each.object));
        expect(new Map([...tested.keys()].map((key) => [key, tested.get(key)]))).toEqual(mirror);
        for (const value of ['x', 'y']) {
          const expected = [...mirror.values()].filter((held) => held.value === value);
          expect(new Set(tested.byIndex('value', value))).toEqual(new Set(expected));
        }
      }
    }),
  );
});
