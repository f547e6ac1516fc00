import { KeyedMutex } from '../../../syncer/admission/keyed-mutex';

const never = new AbortController().signal;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('tasks of a key run one after the other in order, others beside them', async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  const task = (name: string, ms: number) => async () => {
    order.push(`${name}+`);
    await pause(ms);
    order.push(`${name}-`);
  };
  await Promise.all([
    mutex.run('a', task('a1', 30), never),
    mutex.run('a', task('a2', 1), never),
    mutex.run('b', task('b1', 10), never),
    mutex.run('a', task('a3', 1), never),
  ]);
  expect(order).toEqual(['a1+', 'b1+', 'b1-', 'a1-', 'a2+', 'a2-', 'a3+', 'a3-']);
  expect(mutex.size).toBe(0);
});

test('a task that fails lets the next one run', async () => {
  const mutex = new KeyedMutex();
  await expect(mutex.run('a', () => Promise.reject(new Error('x')), never)).rejects.toThrow('x');
  expect(await mutex.run('a', () => Promise.resolve(1), never)).toBe(1);
  expect(mutex.size).toBe(0);
});

test('who gives up waiting lets nobody pass by the task that runs', async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  const first = mutex.run('a', () => pause(50).then(() => order.push('first')), never);
  const second = mutex.run('a', () => Promise.resolve(order.push('second')), AbortSignal.timeout(5));
  const third = mutex.run('a', () => Promise.resolve(order.push('third')), never);
  await expect(second).rejects.toMatchObject({ name: 'TimeoutError' });
  await Promise.all([first, third]);
  expect(order).toEqual(['first', 'third']);
  expect(mutex.size).toBe(0);
});

test('keys that are names of object members are ordinary keys', async () => {
  const mutex = new KeyedMutex();
  expect(await mutex.run('__proto__', () => Promise.resolve(1), never)).toBe(1);
});
