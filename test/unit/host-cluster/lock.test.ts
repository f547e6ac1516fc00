import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockedError, withLock } from '../../host-cluster/lock';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nestling-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a lock is held while the work runs, and leaves neither file nor empty directory', async () => {
  const file = join(directory, 'below', 'x.lock');
  await withLock(file, {}, async () => {
    expect(existsSync(file)).toBe(true);
    await expect(withLock(file, {}, () => Promise.resolve())).rejects.toThrow(LockedError);
  });
  expect(existsSync(join(directory, 'below'))).toBe(false);
});

test('who waits says so once and goes on afterwards', async () => {
  const file = join(directory, 'x.lock');
  const order: string[] = [];
  let release = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (release = resolve));
  const first = withLock(file, {}, async () => {
    await waiting;
    order.push('first');
  });
  const wait = ({ pid }: { readonly pid: number }) => {
    order.push(`waiting for ${pid}`);
    // Some of its looks later.
    setTimeout(release, 300);
  };
  const second = withLock(file, { wait }, () => {
    order.push('second');
    return Promise.resolve();
  });
  await Promise.all([first, second]);
  expect(order).toEqual([`waiting for ${process.pid}`, 'first', 'second']);
});

test('the lock of a process that is dead is taken over', async () => {
  const file = join(directory, 'x.lock');
  writeFileSync(file, JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'before' }));
  expect(await withLock(file, {}, () => Promise.resolve('done'))).toBe('done');
});

test('work that fails lets the lock go', async () => {
  const file = join(directory, 'x.lock');
  await expect(withLock(file, {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(file)).toBe(false);
});
