import { execFileSync } from 'node:child_process';
import { HostCluster } from '../host-cluster';
import { runCommand, task } from '../run-command';

const NAME = 'e2e-occupied';
/** No other test uses this range. */
const NETWORK = '10.204.0.0/14';
const INTERFACE = 'nestling-taken';
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

describe('a host cluster whose addresses another interface of the machine has', () => {
  beforeAll(() => {
    ip('link', 'add', INTERFACE, 'type', 'bridge');
    // Wherever the cluster would be put: each block of the range is taken.
    for (let slot = 0; slot < 16; slot++) ip('address', 'add', `10.204.${slot}.1/24`, 'dev', INTERFACE);
    ip('link', 'set', INTERFACE, 'up');
  });
  afterAll(async () => {
    ip('link', 'delete', INTERFACE);
    await HostCluster.down(NAME);
  });

  test('is not started: one error names the interface and the remedy, and nothing is made', async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      task('test/host-cluster/main.ts', 'up', '--name', NAME, '--network', NETWORK),
    );
    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.split('\n').filter((line) => !/^\[[\d.]+ s\] /.test(line))).toEqual([
      expect.stringMatching(
        /^error: this machine already routes 10\.204\.\d+\.\S+ through nestling-taken, inside 10\.204\.0\.0\/14; name a free private \/14 with: npm run host -- up --name e2e-occupied --network RANGE$/,
      ),
      '',
    ]);
    expect(await HostCluster.leftovers(NAME)).toEqual([]);
    expect(HostCluster.names()).not.toContain(NAME);
  });
});
