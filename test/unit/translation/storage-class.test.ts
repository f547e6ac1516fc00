import { defaultClass, storageClassView } from '../../../syncer/translation';

const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };

describe('a storage class that tenants see', () => {
  const host = {
    metadata: { name: 'fast', uid: 'u', annotations },
    provisioner: 'example.org/disk',
    parameters: {
      type: 'ssd',
      'csi.storage.k8s.io/fstype': 'ext4',
      'csi.storage.k8s.io/provisioner-secret-name': 'admin-credentials',
      'csi.storage.k8s.io/provisioner-secret-namespace': 'storage-system',
      'csi.storage.k8s.io/node-stage-secret-name': 'admin-credentials',
      csiControllerPublishSecretName: 'admin-credentials',
      adminSecretName: 'admin-credentials',
      restuserkey: 'admin-credentials',
    },
  };

  test('has all but what leads to credentials', () => {
    const view = storageClassView(host);
    expect(view.parameters).toEqual({ type: 'ssd', 'csi.storage.k8s.io/fstype': 'ext4' });
    expect(view).toMatchObject({ provisioner: 'example.org/disk', metadata: { name: 'fast', annotations } });
    expect(host.parameters.adminSecretName).toBe('admin-credentials');
  });

  test('of attributes of volumes is shown alike', () => {
    const attributes = { metadata: { name: 'gold' }, driverName: 'example.org', parameters: { iops: '9', key: 'x' } };
    expect(storageClassView(attributes)).toMatchObject({ driverName: 'example.org', parameters: { iops: '9' } });
    expect(storageClassView(attributes).parameters).not.toHaveProperty('key');
  });

  test('has no parameters where the host’s has none', () => {
    const { metadata, provisioner } = host;
    expect(storageClassView({ metadata, provisioner })).not.toHaveProperty('parameters');
  });
});

describe('the default class', () => {
  const of = (name: string, creationTimestamp: string, more: object = { annotations }) => ({
    metadata: { name, creationTimestamp, ...more },
    provisioner: 'p',
  });

  test('is the newest of those that say so, and the first by name of several', () => {
    const classes = [
      of('old', '2026-01-01T00:00:00Z'),
      of('b', '2026-02-01T00:00:00Z'),
      of('a', '2026-02-01T00:00:00Z'),
    ];
    expect(defaultClass([...classes, of('plain', '2026-03-01T00:00:00Z', {})])).toBe('a');
    expect(defaultClass([...classes].reverse())).toBe('a');
  });

  test('is none where no class says so', () => {
    expect(
      defaultClass([
        of('plain', '', {}),
        of('no', '', { annotations: { ...annotations, [Object.keys(annotations)[0]!]: 'false' } }),
      ]),
    ).toBeUndefined();
  });
});
