import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { differenceLines, differences } from '../../../cli/differences';
import { isRolledOut } from '../../../cli/wait-rolled-out';

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { b: 'c' } }, data: { d: 'e' } };

test('what a server writes by itself is no difference', () => {
  const host = {
    ...object,
    metadata: {
      ...object.metadata,
      uid: '1',
      resourceVersion: '2',
      generation: 3,
      creationTimestamp: 't',
      managedFields: [{}],
    },
    status: { phase: 'Active' },
  };
  expect(differences(host, object)).toEqual([]);
});

test('fields are told by their path, items of lists by their name', () => {
  const set = (image: string, more: object[] = []) => ({
    ...object,
    spec: { containers: [{ name: 'x', image: 'x:1' }, { name: 'y', image }, ...more], args: ['a', image] },
  });
  expect(differences(set('y:1', [{ name: 'gone' }]), set('y:2'))).toEqual([
    { path: 'spec.containers[y].image', host: 'y:1', wanted: 'y:2' },
    { path: 'spec.containers[gone]', host: { name: 'gone' }, wanted: undefined },
    { path: 'spec.args[1]', host: 'y:1', wanted: 'y:2' },
  ]);
  const labelled = { ...object, metadata: { ...object.metadata, labels: { b: 'c', 'example.org/x': 'y' } } };
  expect(differences(labelled, object)).toEqual([
    { path: 'metadata.labels["example.org/x"]', host: 'y', wanted: undefined },
  ]);
});

test('items in another order are the same where all have names, and are not where they have none', () => {
  const one = { name: 'one' };
  const two = { name: 'two' };
  expect(differences({ ...object, list: [one, two] }, { ...object, list: [two, one] })).toEqual([]);
  expect(differences({ ...object, list: ['a', 'b'] }, { ...object, list: ['b', 'a'] })).toHaveLength(2);
  // Ports may share a name's absence: those are told by their place.
  expect(differences({ ...object, ports: [{ port: 1 }] }, { ...object, ports: [{ port: 2 }] })[0]?.path).toBe(
    'ports[0].port',
  );
});

test('keys that every object has are keys like others', () => {
  const odd = JSON.parse('{"__proto__": "x", "constructor": "y"}') as object;
  const found = differences({ ...object, data: odd }, { ...object, data: {} });
  expect(found.map(({ path }) => path).sort()).toEqual(['data.__proto__', 'data.constructor']);
});

test('a difference is one line, that of a text with lines those lines', () => {
  expect(differenceLines({ path: 'a', host: 1, wanted: undefined })).toEqual(['a: 1 → nothing']);
  expect(differenceLines({ path: 'a', host: 'one\ntwo\ntwo\n', wanted: 'one\ntwo\nthree\n' })).toEqual([
    'a:',
    '  - two',
    '  + three',
  ]);
  expect(differenceLines({ path: 'a', host: 'x\ny', wanted: 'y\nx' })[1]).toBe('  the same lines in another order');
  expect(differenceLines({ path: 'a', host: 'x'.repeat(500), wanted: 1 })[0]?.length).toBeLessThan(200);
});

describe('a StatefulSet is rolled out', () => {
  const set = (status: object, replicas = 1, generation = 2) =>
    ({ metadata: { generation }, spec: { replicas }, status }) as unknown as StatefulSet;
  const done = { observedGeneration: 2, currentRevision: 'b', updateRevision: 'b', replicas: 1, readyReplicas: 1 };

  test.each([
    ['when all its pods are of the newest template and ready', done, true],
    ['not before its controller has seen the change', { ...done, observedGeneration: 1 }, false],
    ['not while pods of the old template are there', { ...done, currentRevision: 'a' }, false],
    ['not while the new pod starts', { ...done, readyReplicas: 0 }, false],
  ])('%s', (_, status, expected) => expect(isRolledOut(set(status))).toBe(expected));

  test('with three replicas when all three are ready', () => {
    expect(isRolledOut(set({ ...done, replicas: 3, readyReplicas: 2 }, 3))).toBe(false);
    expect(isRolledOut(set({ ...done, replicas: 3, readyReplicas: 3 }, 3))).toBe(true);
  });
});
