import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Event, Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { resolveBinaries } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NAMESPACE = 'shop';
const cluster = useVirtualCluster('events');
let program = '';

const kubectl = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(program, ['--kubeconfig', cluster.current.kubeconfigPath, ...args])).stdout;

const create = (name: string, spec: object = {}): Promise<Pod> =>
  cluster.current.virtual.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'] }],
      ...spec,
    },
  });

/** What `kubectl describe pod` shows once its events have all the reasons. */
const described = (name: string, ...reasons: string[]): Promise<string> =>
  eventually(`kubectl describe pod ${name} shows ${reasons.join(', ')}`, async () => {
    const text = await kubectl('describe', 'pod', name, '--namespace', NAMESPACE);
    const events = text.slice(text.indexOf('\nEvents:'));
    if (reasons.every((reason) => events.includes(` ${reason} `))) return text;
    throw new Error(events);
  });

/** Nothing of the host: neither its namespace nor a name that objects have there. */
function expectTenantNames(text: string): void {
  const lines = text.split('\n').filter((line) => line.includes(cluster.current.namespace) || line.includes('-x-'));
  expect(lines).toEqual([]);
}

beforeAll(async () => {
  program = (await resolveBinaries(['kubectl'], () => undefined)).kubectl;
  await kubectl('create', 'namespace', NAMESPACE);
  await eventually('the default service account', () =>
    cluster.current.virtual.get(resources.serviceAccounts, { namespace: NAMESPACE, name: 'default' }),
  );
});

test('kubectl describe shows how a pod started, in the tenant’s names', async () => {
  await create('web', { subdomain: 'front', hostname: 'web' });
  const text = await described('web', 'Scheduled', 'Pulled', 'Created', 'Started');
  expect(text).toContain(`Successfully assigned ${NAMESPACE}/web to `);
  expectTenantNames(text);
  // The container that writes /etc/hosts is the platform's.
  expect(text).not.toContain('nestling');
});

test('kubectl describe shows why a pod does not start, in the tenant’s names', async () => {
  await create('without-files', {
    volumes: [{ name: 'files', configMap: { name: 'files' } }],
    containers: [
      {
        name: 'main',
        image: BUSYBOX,
        command: ['sleep', '3600'],
        volumeMounts: [{ name: 'files', mountPath: '/files' }],
      },
    ],
  });
  await create('without-image', { containers: [{ name: 'main', image: 'registry.invalid/not/there:1' }] });
  const mount = await described('without-files', 'Scheduled', 'FailedMount');
  expect(mount).toContain('configmap "files" not found');
  expectTenantNames(mount);
  const image = await described('without-image', 'Failed', 'BackOff');
  expect(image).toContain('registry.invalid/not/there:1');
  expectTenantNames(image);
});

test('an event that happens again counts on in the same copy', async () => {
  await create('crashing', { containers: [{ name: 'main', image: BUSYBOX, command: ['false'] }] });
  await eventually('BackOff has happened more than once', async () => {
    const { items } = await cluster.current.virtual.list<Event>(resources.events, {
      namespace: NAMESPACE,
      fieldSelector: 'involvedObject.name=crashing,reason=BackOff',
    });
    return items.length === 1 && (items[0]?.count ?? 0) > 1;
  });
  const text = await described('crashing', 'BackOff');
  expect(text).toContain('Back-off restarting failed container main in pod crashing');
  expectTenantNames(text);
});
