import { createLogger } from '../../../syncer/engine';
import { HostVersion } from '../../../syncer/kinds';

const logger = createLogger({ level: 'error', name: 'test' });

/** A host whose version is asked for: each answer is given when the test says so. */
class Host {
  readonly asked: { answer(gitVersion: string): void; fail(): void }[] = [];

  getText(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        answer: (gitVersion) => resolve(JSON.stringify({ gitVersion })),
        fail: () => reject(new Error('connection lost')),
      });
    });
  }
}

test('the version is read once for all who wait at start', async () => {
  const host = new Host();
  const version = new HostVersion(host, logger);
  const waiting = Promise.all([version.known(), version.known()]);
  expect(version.minor).toBeUndefined();
  host.asked[0]?.answer('v1.35.4');
  await waiting;
  await version.known();
  expect(version.minor).toBe(35);
  expect(host.asked).toHaveLength(1);
});

test('an upgrade is told once, also when the connection comes back while an older answer is on its way', async () => {
  const host = new Host();
  const version = new HostVersion(host, logger);
  const changed = jest.fn();
  version.onChange(changed);
  const first = version.refresh();
  const second = version.refresh();
  host.asked[0]?.answer('v1.35.4');
  await new Promise(setImmediate);
  host.asked[1]?.answer('v1.36.3');
  await Promise.all([first, second]);
  expect(version.minor).toBe(36);
  expect(changed).toHaveBeenCalledTimes(2);

  const third = version.refresh();
  host.asked[2]?.answer('v1.36.3');
  await third;
  expect(changed).toHaveBeenCalledTimes(2);
});

test('a version that cannot be read leaves the one that is known', async () => {
  const host = new Host();
  const version = new HostVersion(host, logger);
  const start = version.known();
  host.asked[0]?.fail();
  await start;
  expect(version.minor).toBeUndefined();
  const later = version.refresh();
  host.asked[1]?.answer('v1.37.2');
  await later;
  const lost = version.refresh();
  host.asked[2]?.fail();
  await lost;
  expect(version.minor).toBe(37);
});
