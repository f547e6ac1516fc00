import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runningForward, stateFile, stateFolder, stopForward } from '../../../cli/background-forward';

const key = { files: ['/kubeconfig'], context: 'nestling_vc_team-a_dev' };
const before = process.env['XDG_STATE_HOME'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-state-'));
  process.env['XDG_STATE_HOME'] = folder;
  mkdirSync(stateFolder(), { recursive: true });
});
afterEach(() => {
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

test('the process that is written down is found and stopped', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'forward-abc'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await once(child, 'spawn');
  writeFileSync(stateFile(key), JSON.stringify({ pid: child.pid, port: 7777, id: 'forward-abc' }));
  expect(runningForward(key)).toEqual({ pid: child.pid, port: 7777, id: 'forward-abc' });
  expect(stopForward(key)).toBe(true);
  expect((await ended)[1]).toBe('SIGTERM');
  expect(existsSync(stateFile(key))).toBe(false);
  expect(stopForward(key)).toBe(false);
});

test('another process that has the pid by now is left alone', () => {
  writeFileSync(stateFile(key), JSON.stringify({ pid: process.pid, port: 7777, id: 'forward-of-long-ago' }));
  expect(runningForward(key)).toBeUndefined();
  expect(stopForward(key)).toBe(false); // and this test goes on
  expect(existsSync(stateFile(key))).toBe(false);
});

test('each kubeconfig and context has a forward of its own, and files that are torn count as none', () => {
  expect(stateFile(key)).not.toBe(stateFile({ ...key, context: 'x' }));
  expect(stateFile(key)).not.toBe(stateFile({ ...key, files: ['/other'] }));
  writeFileSync(stateFile(key), '{"pid": 1');
  expect(runningForward(key)).toBeUndefined();
});
