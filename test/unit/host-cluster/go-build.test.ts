import { moduleText } from '../../host-cluster/go-build';
import { BINARIES } from '../../host-cluster/versions';

test("Kubernetes' staging modules become the published ones of the same release", () => {
  const text = moduleText(BINARIES.kubelet, '1.26.0', {
    Require: [
      { Path: 'k8s.io/api', Version: 'v0.0.0' },
      { Path: 'k8s.io/utils', Version: 'v0.0.0-20260101000000-abcdefabcdef' },
    ],
    Replace: [{ Old: { Path: 'k8s.io/api' }, New: { Path: './staging/src/k8s.io/api' } }],
  });
  expect(text.split('\n')).toEqual([
    'module nestling.dev/build',
    'go 1.26.0',
    'require k8s.io/kubernetes v1.37.2',
    'replace (',
    '\tk8s.io/api => k8s.io/api v0.37.2',
    ')',
    '',
  ]);
});

test('a replacement by a neighbour in the repository is left out where the requirement has a real version', () => {
  const text = moduleText(BINARIES.etcd, '1.24', {
    Require: [{ Path: 'go.etcd.io/etcd/api/v3', Version: 'v3.6.5' }],
    Replace: [
      { Old: { Path: 'go.etcd.io/etcd/api/v3' }, New: { Path: '../api' } },
      { Old: { Path: 'go.etcd.io/etcd' }, New: { Path: './FORBIDDEN_DEPENDENCY' } },
    ],
  });
  expect(text).toBe('module nestling.dev/build\ngo 1.24\nrequire go.etcd.io/etcd/server/v3 v3.6.5\n');
});

test('a replacement by another module is kept, with its versions', () => {
  const text = moduleText(BINARIES.coredns, '1.26.0', {
    Replace: [
      { Old: { Path: 'a.example/x', Version: 'v1.0.0' }, New: { Path: 'b.example/x', Version: 'v1.0.1' } },
      { Old: { Path: 'a.example/y' }, New: { Path: 'b.example/y', Version: 'v2.0.0' } },
    ],
  });
  expect(text).toContain('\ta.example/x v1.0.0 => b.example/x v1.0.1\n\ta.example/y => b.example/y v2.0.0\n');
});
