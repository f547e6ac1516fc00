import { connect } from 'node:net';
import { once } from 'node:events';
import type { Pod } from 'kubernetes-types/core/v1';
import { Store } from '../../constructs';
import { resources } from '../../syncer/kube-client';
import type { AnyObject } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { startPostgres } from '../integration/postgres';
import type { Postgres } from '../integration/postgres';
import { eventually, launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';
import { synthesize } from '../virtual-cluster/launch';
import { provideImage } from './provide-image';
import { Tenant } from './tenant';

/*
 * A control plane whose objects are in a PostgreSQL database on this machine, through kine in its pod. The pods of an existing cluster may
 * not reach this machine: there nothing is tested.
 */

const NAME = 'database';
const NAMESPACE = `e2e-${NAME}`;

let postgres: Postgres | undefined;
let running: RunningVirtualCluster | undefined;
const tenant = new Tenant(
  {
    get current() {
      if (!running) throw new Error('the virtual cluster did not start');
      return running;
    },
  },
  'shop',
);

/** The address of this machine by which it reaches the host's API server: by it the host's pods reach this machine. */
async function addressTowards({ connection }: Host): Promise<string> {
  const { hostname, port } = new URL(connection.server);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    return socket.localAddress ?? '';
  } finally {
    socket.destroy();
  }
}

const secret = (endpoint: string): AnyObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: NAME, namespace: NAMESPACE },
  data: { endpoint: Buffer.from(endpoint).toString('base64') },
});

beforeAll(async () => {
  const host = await resolveHost({});
  if (host.kind !== 'node') return;
  await provideImage(host, 'kine');
  postgres = await startPostgres(await addressTowards(host));
  const manifests = synthesize(NAME, NAMESPACE, {
    store: Store.postgres({ secretName: NAME }),
    dns: { enabled: false },
  });
  const objects = [secret(postgres.endpoint), ...manifests];
  running = await launch({ host, name: NAME, namespace: NAMESPACE, objects });
  await tenant.prepare();
});

afterAll(async () => {
  try {
    await running?.destroy();
  } finally {
    await postgres?.stop();
  }
});

const controlPlane = (): Promise<Pod> =>
  tenant.cluster.host.get<Pod>(resources.pods, { namespace: NAMESPACE, name: `${NAME}-0` });

test('kine runs in etcd’s place, and nobody reads the password in what describes the pod', async () => {
  if (!running || !postgres) return;
  const pod = await controlPlane();
  expect(pod.spec?.containers.map(({ name }) => name)).toEqual(expect.arrayContaining(['kine', 'kube-apiserver']));
  expect(pod.spec?.containers.map(({ name }) => name)).not.toContain('etcd');
  const password = new URL(postgres.endpoint).password;
  expect(password).not.toBe('');
  expect(JSON.stringify(pod)).not.toContain(password);
});

test('pods run, and everything is there when the control plane’s pod was made anew', async () => {
  if (!running) return;
  await tenant.createPod('web');
  await tenant.ready('web', 120);
  const before = await tenant.pod('web');
  const first = await controlPlane();
  await tenant.cluster.host.delete(resources.pods, { namespace: NAMESPACE, name: `${NAME}-0` });
  await eventually(
    'another pod of the control plane is ready',
    async () => {
      const { metadata, status } = await controlPlane();
      return (
        metadata?.uid !== first.metadata?.uid &&
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
      );
    },
    180,
  );
  const after = await eventually('the virtual API server answers again', () => tenant.pod('web'), 60);
  expect(after.metadata?.uid).toBe(before.metadata?.uid);
  expect(after.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(await tenant.shell('web', 'echo it runs')).toBe('it runs');
  await tenant.deletePod('web');
});
