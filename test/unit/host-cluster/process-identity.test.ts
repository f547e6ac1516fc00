import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identify, isAlive, sendSignal } from '../../host-cluster/process-identity';

test('a process is itself, and not a later one with its number', () => {
  const own = identify(process.pid);
  if (!own) throw new Error('no identity');
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, startTicks: `${Number(own.startTicks) - 1}` })).toBe(false);
  expect(isAlive({ ...own, bootId: 'another start of the machine' })).toBe(false);
});

test('a signal meets only the process that is meant', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const identity = identify(child.pid ?? 0);
  if (!identity) throw new Error('no identity');
  sendSignal({ ...identity, startTicks: '1' }, 'SIGKILL');
  expect(isAlive(identity)).toBe(true);
  const gone = once(child, 'exit');
  sendSignal(identity, 'SIGKILL');
  expect(await gone).toEqual([null, 'SIGKILL']);
  expect(isAlive(identity)).toBe(false);
  expect(identify(identity.pid)).toBeUndefined();
});
