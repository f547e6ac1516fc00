import { withoutField } from '../../../syncer/bootstrap/field-path';

const object = {
  metadata: { labels: { app: 'x', 'app.kubernetes.io/name': 'y', 'app.kubernetes.io': 'z' }, finalizers: ['a', 'b/c'] },
  spec: {
    replicas: 2,
    containers: [
      { name: 'a', image: 'one' },
      {
        name: 'b',
        image: 'two',
        ports: [
          { containerPort: 53, protocol: 'TCP' },
          { containerPort: 53, protocol: 'UDP' },
        ],
      },
    ],
  },
};

test.each([
  ['.spec.replicas', (copy: typeof object) => delete (copy.spec as { replicas?: number }).replicas],
  ['.metadata.labels.app', (copy: typeof object) => delete (copy.metadata.labels as { app?: string }).app],
  [
    '.metadata.labels.app.kubernetes.io/name',
    (copy: typeof object) => delete (copy.metadata.labels as Record<string, string>)['app.kubernetes.io/name'],
  ],
  [
    '.spec.containers[name="b"].image',
    (copy: typeof object) => delete (copy.spec.containers[1] as { image?: string }).image,
  ],
  [
    '.spec.containers[name="b"].ports[containerPort=53,protocol="UDP"]',
    (copy: typeof object) => copy.spec.containers[1]?.ports?.splice(1, 1),
  ],
  ['.metadata.finalizers[="b/c"]', (copy: typeof object) => copy.metadata.finalizers.splice(1, 1)],
  ['.spec.containers[0]', (copy: typeof object) => copy.spec.containers.splice(0, 1)],
])('without %s', (path, change) => {
  const expected = structuredClone(object);
  change(expected);
  const before = structuredClone(object);
  expect(withoutField(object, path)).toEqual(expected);
  expect(object).toEqual(before);
});

test.each([
  '',
  '.',
  '.nothing',
  '.spec.replicas.x',
  '.spec.containers[name="c"].image',
  '.spec.containers[',
  '.__proto__',
  '.constructor',
])('no field %j', (path) => {
  expect(withoutField(object, path)).toBeUndefined();
});
