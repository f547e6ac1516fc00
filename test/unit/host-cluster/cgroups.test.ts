import { parseHierarchies } from '../../host-cluster/cgroups';

test('hybrid: version 1 controllers and the unified hierarchy', () => {
  const mounts = [
    'tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0',
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0',
    'cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0',
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime,nsdelegate 0 0',
    'proc /proc proc rw,relatime 0 0',
    '',
  ].join('\n');
  expect(parseHierarchies(mounts)).toEqual([
    { directory: '/sys/fs/cgroup/cpu,cpuacct', version: 1, controllers: ['cpu', 'cpuacct'] },
    { directory: '/sys/fs/cgroup/systemd', version: 1, controllers: ['xattr', 'name=systemd'] },
    { directory: '/sys/fs/cgroup/unified', version: 2, controllers: [] },
  ]);
});

test('version 2 alone', () => {
  expect(parseHierarchies('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n')).toEqual([
    { directory: '/sys/fs/cgroup', version: 2, controllers: [] },
  ]);
});
