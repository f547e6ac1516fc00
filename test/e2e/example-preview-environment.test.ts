import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Namespace } from 'kubernetes-types/core/v1';
import { EXPIRES } from '../../examples/preview-environment/labels';
import { applyManifests } from '../../syncer/bootstrap';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { contentsOf, eventually } from '../virtual-cluster';
import { synthesizeExample, useExample } from './example';
import { Tenant } from './tenant';

const FUTURE = '2999-12-31T12:00:00Z';
const PAST = '2020-01-31T12:00:00Z';
/** Pull requests that no other test has. */
const [OPEN, OVER] = ['700001', '700002'];

let host: Host;
let admin: KubeClient;
const running = useExample('preview-environment', {
  cluster: 'preview',
  namespace: `preview-${OPEN}`,
  settings: { PULL_REQUEST: OPEN, EXPIRES: FUTURE },
});
const tenant = new Tenant(running, 'shop');

beforeAll(async () => {
  host = await resolveHost({});
  admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
});

afterAll(async () => {
  for (const one of [OPEN, OVER]) {
    await admin.delete(resources.namespaces, { name: `preview-${one}` }).catch((error: unknown) => {
      if (!ApiError.is(error, 'NotFound')) throw error;
    });
  }
  await admin.close();
});

async function sweep(...options: string[]): Promise<string[]> {
  const script = 'examples/preview-environment/sweep.ts';
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...options], {
    env: { ...process.env, KUBECONFIG: host.kubeconfigPath },
  });
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line.includes(OPEN) || line.includes(OVER));
}

test('what is missing from the environment is told with what it should be', async () => {
  const failing = promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/preview-environment/main.ts'], {
    env: { ...process.env, PULL_REQUEST: '1', EXPIRES: 'tomorrow' },
  });
  await expect(failing).rejects.toMatchObject({
    stderr: expect.stringContaining('EXPIRES: "tomorrow" is not a time such as 2030-01-31T12:00:00Z') as string,
  });
});

test('the branch runs in its preview, and a later push moves the end of it', async () => {
  await tenant.prepare();
  await tenant.createPod('web');
  await tenant.ready('web', 120);
  const moved = '2999-12-31T13:00:00Z';
  await applyManifests(
    running.current.host,
    await synthesizeExample('preview-environment', { PULL_REQUEST: OPEN, EXPIRES: moved }),
    {},
  );
  const { metadata } = await admin.get<Namespace>(resources.namespaces, { name: `preview-${OPEN}` });
  expect(metadata?.annotations?.[EXPIRES]).toBe(moved);
  expect((await tenant.pod('web')).status?.phase).toBe('Running');
});

test('previews whose time is over are swept away whole, and no other namespace', async () => {
  const objects = await synthesizeExample('preview-environment', { PULL_REQUEST: OVER, EXPIRES: PAST });
  await applyManifests(admin, objects, {});
  expect(await sweep('--dry-run')).toEqual([
    `preview-${OPEN}: kept until 2999-12-31T13:00:00.000Z`,
    `preview-${OVER}: would be deleted`,
  ]);
  expect((await sweep())[1]).toBe(`preview-${OVER}: deleted`);
  await eventually(
    `namespace preview-${OVER} is gone`,
    async () => {
      try {
        throw new Error(`it has ${(await contentsOf(admin, `preview-${OVER}`)).join(', ')}`, {
          cause: await admin.get(resources.namespaces, { name: `preview-${OVER}` }),
        });
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return true;
        throw error;
      }
    },
    120,
  );
  expect((await tenant.pod('web')).status?.phase).toBe('Running');
});
