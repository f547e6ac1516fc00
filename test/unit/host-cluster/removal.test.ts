import { mountsBelow } from '../../host-cluster/removal';
import { logTail } from '../../host-cluster/processes';
import { table } from '../../host-cluster/status';

test('mounts of a cluster are found deepest first, and those of a cluster with a longer name are not', () => {
  const line = (point: string) => `36 35 98:0 / ${point} rw - tmpfs tmpfs rw`;
  const text = [line('/'), line('/s/a'), line('/s/a/b\\040c'), line('/s/ab'), line('/s/a/b\\040c/d'), ''].join('\n');
  expect(mountsBelow('/s/a', text)).toEqual(['/s/a/b c/d', '/s/a/b c', '/s/a']);
});

test('a missing log is no failure of its own', () => {
  expect(logTail('/nonexistent/log')).toBe('(no log)');
});

test('a table has columns and no trailing blanks', () => {
  expect(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toBe('a    bb\nccc  d\n');
});
