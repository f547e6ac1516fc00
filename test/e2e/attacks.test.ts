import type { ConfigMap, Node, Pod, Service } from 'kubernetes-types/core/v1';
import type { Role } from 'kubernetes-types/rbac/v1';
import { Size } from 'cdk8s';
import { Isolation, NodeSyncPolicy, Store } from '../../constructs';
import type { VirtualClusterProps } from '../../constructs';
import { ATTACKS } from '../../constructs/attacks/attacks';
import type { Attack } from '../../constructs/attacks/attacks';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { controlPlaneNames } from '../../syncer/configuration';
import { hostName } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually, launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';
import { ALLOWED, Attempts } from './attack-attempts';
import { serveOnNode } from './node-server';
import type { NodeServer } from './node-server';
import { forwardedPage } from './port-forward';
import { startRegistry } from './registry';
import { idle, Tenant } from './tenant';
import { expectTraffic, PORTS, provideAgnhost, trafficPod } from './traffic';
import type { Target } from './traffic';

/*
 * All of constructs/attacks/attacks.ts on a real node: an attacker and a victim with the isolation that everybody has who asks for none,
 * and one with what the platform can set beside, at level restricted. None has a DNS server of ours where it is not needed.
 */

const HOST_CLASSES = { 'e2e-attacks': 'shown' };
const PROPS: Readonly<Record<'attacker' | 'victim' | 'strict', VirtualClusterProps>> = {
  attacker: {
    sync: { toHost: { ingresses: { allowedHosts: ALLOWED.hosts, allowedClasses: ALLOWED.classes } } },
  },
  victim: { dns: { enabled: false } },
  strict: {
    isolation: Isolation.restricted(),
    // Soon full, which none of the others is to notice.
    store: Store.persistent({ quota: Size.mebibytes(64) }),
    dns: { enabled: false },
    sync: {
      toHost: { priorityClasses: { enabled: true, maximumValue: 500 } },
      fromHost: {
        nodes: NodeSyncPolicy.nodesMatching({ 'kubernetes.io/os': 'linux' }, { enforce: true }),
        runtimeClasses: { enabled: true, selector: HOST_CLASSES },
      },
    },
  },
};
const running = new Map<string, RunningVirtualCluster>();
const clusterOf = (name: keyof typeof PROPS) => ({
  get current(): RunningVirtualCluster {
    const found = running.get(name);
    if (!found) throw new Error(`virtual cluster ${name} did not start`);
    return found;
  },
});
const attackers = clusterOf('attacker');
const victims = clusterOf('victim');
const shop = new Tenant(attackers, 'shop');
const bank = new Tenant(victims, 'bank');
/** Where the attempts of the list are made. */
const attacks = new Tenant(attackers, 'attacks');
const strictAttacks = new Tenant(clusterOf('strict'), 'attacks');
const attempts = new Attempts(attacks);
const strictAttempts = new Attempts(strictAttacks);
const isStrict = ({ setting, stoppedAt }: Attack): boolean => setting !== undefined || stoppedAt === 'restricted';
/** A namespace of the host without virtual clusters. */
const PLATFORM = 'e2e-attacks-platform';
/** Where clouds tell a machine its secrets. */
const METADATA = '169.254.169.254';
/** An address of the internet, RFC 5737; the node plays the server there. */
const INTERNET = '203.0.113.7';
const PORT = 80;
const REGISTRY_PORT = 5000;
/** Three control planes at the same time. */
const STARTS_MS = 300_000;

const webhooks: ResourceType = {
  ...{ group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false },
  ...{ resource: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
};
const subjectAccessReviews: ResourceType = {
  ...{ group: 'authorization.k8s.io', version: 'v1', namespaced: false },
  ...{ resource: 'subjectaccessreviews', kind: 'SubjectAccessReview' },
};

let host: Host;
let admin: KubeClient;
let node: NodeServer;
const addresses = new Map<string, string>();

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

beforeAll(async () => {
  host = await resolveHost({});
  await provideAgnhost(host);
  admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  node = await serveOnNode(host, PORT, [METADATA, INTERNET]);
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: PLATFORM } });
  await eventually('the service account of the platform’s namespace', () =>
    admin.get(resources.serviceAccounts, { namespace: PLATFORM, name: 'default' }),
  );
  await Promise.all(
    (['e2e-attacks-shown', 'e2e-attacks-weak'] as const).map((name) =>
      admin.create(resources.runtimeClasses, {
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name, labels: name.endsWith('shown') ? HOST_CLASSES : {} },
        handler: 'runc',
      } as never),
    ),
  );
  await Promise.all(
    Object.entries(PROPS).map(async ([name, props]) => {
      running.set(name, await launch({ host, name, namespace: `e2e-${name}`, props }));
    }),
  );
  await Promise.all([shop, bank, attacks, strictAttacks].map((tenant) => tenant.prepare()));
  // A pod of the host, and one of a tenant of somebody else's who does not keep it from sending.
  await admin.create<Pod>(resources.pods, trafficPod(PLATFORM, 'controller'));
  const stranger = { 'nestling.dev/virtual-cluster': 'somebody' };
  await admin.create<Pod>(resources.pods, trafficPod(PLATFORM, 'stranger', stranger));
  for (const [tenant, name] of [
    [shop, 'web'],
    [shop, 'client'],
    [bank, 'till'],
  ] as const) {
    await tenant.cluster.virtual.create<Pod>(resources.pods, trafficPod(tenant.namespace, name));
    await tenant.create<Service>(resources.services, name, {
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
    });
  }
  for (const [tenant, name] of [
    [shop, 'web'],
    [shop, 'client'],
    [bank, 'till'],
  ] as const) {
    addresses.set(name, (await tenant.ready(name)).status?.podIP ?? '');
    addresses.set(`service ${name}`, (await tenant.get<Service>(resources.services, name)).spec?.clusterIP ?? '');
  }
  for (const name of ['controller', 'stranger']) {
    const pod = await eventually(`pod ${name} is ready`, async () => {
      const found = await admin.get<Pod>(resources.pods, { namespace: PLATFORM, name });
      return isReady(found) && found;
    });
    addresses.set(name, pod.status?.podIP ?? '');
    addresses.set('node', pod.status?.hostIP ?? '');
  }
}, STARTS_MS);

afterAll(async () => {
  await admin?.delete(resources.namespaces, { name: PLATFORM });
  await Promise.all([...running.values()].map((cluster) => cluster.destroy()));
  for (const name of ['e2e-attacks-shown', 'e2e-attacks-weak']) {
    await admin?.delete(resources.runtimeClasses, { name }).catch((error: unknown) => {
      if (!ApiError.is(error, 'NotFound')) throw error;
    });
  }
  await admin?.close();
  await node?.stop();
}, STARTS_MS);

const at = (name: string, port: number): Target => {
  const address = addresses.get(name);
  if (address === undefined) throw new Error(`no address of ${name}`);
  return { host: address, port };
};
/** Waits until packets to each of the targets are dropped, at the same time, as each is waited for. */
const expectDropped = (send: (target: Target, expected: 'dropped') => Promise<void>, targets: readonly Target[]) =>
  Promise.all(targets.map((target) => send(target, 'dropped')));
/** Waits until packets from a pod of the attacker's are let through or dropped. */
const fromShop = (target: Target, expected: 'open' | 'dropped', pod = 'client'): Promise<void> =>
  expectTraffic(attackers.current.kubeconfigPath, { namespace: shop.namespace, pod }, target, expected);
const fromPlatform = (pod: string, target: Target, expected: 'open' | 'dropped'): Promise<void> =>
  expectTraffic(host.kubeconfigPath, { namespace: PLATFORM, pod }, target, expected);

describe('the network of a tenant', () => {
  test('leads to its own pods and Services, its API server, and the internet', async () => {
    await fromShop(at('web', PORTS.http), 'open');
    await fromShop(at('service web', 80), 'open');
    await fromShop({ host: 'web.shop.svc.cluster.local', port: 80 }, 'open');
    await fromShop({ host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
    await fromShop({ host: INTERNET, port: PORT }, 'open');
  });

  test('lets the host’s own pods in, such as its ingress controllers', async () => {
    await fromPlatform('controller', at('web', PORTS.http), 'open');
    await fromPlatform('controller', at('service web', 80), 'open');
  });

  test('does not lead to another tenant, by pod, by Service, or by its API server', async () => {
    const { apiServerService, pod } = controlPlaneNames(victims.current.name);
    const { namespace } = victims.current;
    const service = await admin.get<Service>(resources.services, { namespace, name: apiServerService });
    const controlPlane = await admin.get<Pod>(resources.pods, { namespace, name: pod });
    await expectDropped(fromShop, [
      at('till', PORTS.http),
      at('service till', 80),
      { host: service.spec?.clusterIP ?? '', port: 443 },
      { host: controlPlane.status?.podIP ?? '', port: 6443 },
    ]);
    // The victim is there, and lets nobody in even where the sender's own side would let the packets out.
    await fromPlatform('controller', at('till', PORTS.http), 'open');
    await fromPlatform('stranger', at('till', PORTS.http), 'dropped');
  });

  test('does not lead to the host’s pods, API server and nodes, nor to what a cloud tells them', async () => {
    const api = new URL(host.connection.server);
    const kubernetes = await admin.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' });
    await expectDropped(fromShop, [
      at('controller', PORTS.http),
      { host: api.hostname, port: Number(api.port) },
      { host: kubernetes.spec?.clusterIP ?? '', port: 443 },
      at('node', 10250),
      at('node', PORT),
      { host: METADATA, port: PORT },
    ]);
    // All of them are there.
    for (const target of [at('node', 10250), at('node', PORT), { host: METADATA, port: PORT }]) {
      await fromPlatform('controller', target, 'open');
    }
    await fromPlatform('controller', { host: kubernetes.spec?.clusterIP ?? '', port: 443 }, 'open');
  });

  test('ends at the ports of its own control plane but that of the API server', async () => {
    const { namespace, name } = attackers.current;
    const pod = await admin.get<Pod>(resources.pods, { namespace, name: controlPlaneNames(name).pod });
    const controlPlane = pod.status?.podIP ?? '';
    await fromShop({ host: controlPlane, port: 6443 }, 'open');
    // Health and metrics of store, controllers and syncer.
    const others = [2381, 10257, 8080].map((port) => ({ host: controlPlane, port }));
    await expectDropped(fromShop, others);
    for (const target of others) await fromPlatform('controller', target, 'open');
    await fromPlatform('stranger', { host: controlPlane, port: 8080 }, 'dropped');
  });

  test('is not widened by policies of its own that allow everything, which still let everybody in who may come in', async () => {
    const twin = () =>
      admin.get(resources.networkPolicies, {
        namespace: attackers.current.namespace,
        name: hostName(
          { name: attackers.current.name, hostNamespace: attackers.current.namespace },
          shop.namespace,
          'everything',
        ),
      });
    await shop.create(resources.networkPolicies, 'everything', {
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
    });
    try {
      await eventually('the policy is on the host', twin);
      await expectDropped(fromShop, [
        at('till', PORTS.http),
        at('controller', PORTS.http),
        { host: METADATA, port: PORT },
      ]);
      await fromPlatform('stranger', at('web', PORTS.http), 'dropped');
      await fromShop(at('web', PORTS.http), 'open');
      await fromShop({ host: 'web.shop.svc.cluster.local', port: 80 }, 'open');
      await fromShop({ host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
      await fromShop({ host: INTERNET, port: PORT }, 'open');
      await fromPlatform('controller', at('web', PORTS.http), 'open');
    } finally {
      await shop.cluster.virtual.delete(resources.networkPolicies, { namespace: shop.namespace, name: 'everything' });
    }
  });

  test('is closed by its own policies, which the platform’s do not undo, and open again without them', async () => {
    await shop.create(resources.networkPolicies, 'closed', {
      spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
    });
    try {
      await fromShop(at('web', PORTS.http), 'dropped');
      await fromPlatform('controller', at('web', PORTS.http), 'dropped');
      await fromShop(at('client', PORTS.http), 'open', 'web');
    } finally {
      await shop.cluster.virtual.delete(resources.networkPolicies, { namespace: shop.namespace, name: 'closed' });
    }
    await fromShop(at('web', PORTS.http), 'open');
  });
});

describe('an attack of the list', () => {
  beforeAll(async () => {
    await prepareStrict();
    for (const name of ['a11', attackers.current.name]) await attacks.create(resources.serviceAccounts, name);
    await attacks.create(resources.secrets, 'own', { stringData: { key: 'own' } });
    await attacks.create<Service>(resources.services, 'web', {
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await attacks.create<Service>(resources.services, 'a21-handmade', { spec: { ports: [{ port: 443 }] } });
    const made = (strict: boolean) =>
      ATTACKS.flatMap((attack) =>
        isStrict(attack) === strict
          ? [...attack.attempts, ...attack.legitimate]
          : strict
            ? (attack.atRestricted ?? [])
            : [],
      );
    // The node of attack 6: else garbage collection takes the pod of a node that nobody knows, which a busy machine sees too late.
    await attacks.create(resources.nodes, 'somewhere');
    await strictAttacks.create(resources.nodes, 'somewhere');
    await Promise.all([attempts.make(made(false)), strictAttempts.make(made(true))]);
    await attacks.createPod('victim-of-change', {}, { labels: { app: 'own' } });
    await attacks.ready('victim-of-change');
  }, STARTS_MS);

  /** Classes of the tenant that the attempts name. */
  async function prepareStrict(): Promise<void> {
    await strictAttacks.create(resources.priorityClasses, 'a9-huge', { value: 900_000_000 });
    await strictAttacks.create(resources.priorityClasses, 'a9-small', { value: 7 });
    await strictAttacks.create(resources.runtimeClasses, 'e2e-attacks-weak', { handler: 'runc' });
    await eventually('the host’s RuntimeClass is seen', () =>
      strictAttacks.get(resources.runtimeClasses, 'e2e-attacks-shown'),
    );
    await eventually('the virtual API server takes a pod of each class', async () => {
      for (const runtimeClassName of ['e2e-attacks-shown', 'e2e-attacks-weak']) {
        const spec = { runtimeClassName, containers: [idle()] };
        await strictAttacks.cluster.virtual.create(
          resources.pods,
          { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', namespace: 'attacks' }, spec } as never,
          { dryRun: true },
        );
      }
      return true;
    });
  }

  const raw = async (tenant: Tenant, path: string): Promise<string> => {
    const { code, stdout, stderr } = await tenant.kubectl('get', '--raw', path);
    return code === 0 ? stdout : stderr;
  };
  const hostRole = () => {
    const { namespace, name } = attackers.current;
    return admin.get<Role>(resources.roles, { namespace, name: controlPlaneNames(name).serviceAccount });
  };
  interface Review extends KubeObject {
    readonly status?: { readonly allowed?: boolean };
  }
  /** Whether an account of the attacker's host namespace may do something on the host. */
  const may = async (account: string, attributes: object): Promise<boolean> => {
    const { namespace } = attackers.current;
    const review = await admin.create<Review>(subjectAccessReviews, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: `system:serviceaccount:${namespace}:${account}`, resourceAttributes: attributes },
    } as Review);
    return review.status?.allowed ?? false;
  };

  /** Fills the store of the strict cluster. That it takes writes again once there is room is shown in test/integration/store.test.ts. */
  async function fillStore(): Promise<void> {
    const text = 'x'.repeat(900_000);
    /** What the API server says at last; undefined where it took all of them. */
    const fill = async (): Promise<string | undefined> => {
      // Three times of what the quota is.
      for (let index = 0; index < 200; index++) {
        try {
          await strictAttacks.create(resources.configMaps, `full-${index}`, { data: { text } });
        } catch (error) {
          if (!ApiError.is(error, 'AlreadyExists')) return String(error);
        }
      }
      return undefined;
    };
    expect(await fill()).toContain('database space exceeded');
    // It keeps what it has, and lets go of it.
    await strictAttacks.cluster.virtual.delete(resources.configMaps, { namespace: 'attacks', name: 'full-0' });
    // Nobody else has any of it.
    await bank.create(resources.configMaps, 'beside', { data: { text } });
    await bank.createPod('beside');
    await bank.ready('beside');
  }

  /** What only a running cluster shows, by the attack's id; each with its counterpart. */
  const live: Readonly<Record<number, () => Promise<void>>> = {
    async 15() {
      const names = new Set<string>();
      for (const name of ['a15', `a15-x-attacks-x-${attackers.current.name}`]) {
        names.add((await attacks.onHost<Pod>(resources.pods, name)).metadata?.name ?? '');
      }
      expect(names.size).toBe(2);
    },
    async 20() {
      const at = { namespace: 'attacks', name: 'a20-address' };
      const status = { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } };
      const patch = { ...at, subresource: 'status', type: 'merge' } as const;
      await attackers.current.virtual.patch(resources.services, patch, { status });
      await eventually('the forged status is that of the host again', async () => {
        const found = await attacks.get<Service>(resources.services, 'a20-address');
        return (found.status?.loadBalancer?.ingress ?? []).length === 0;
      });
      const twin = await attacks.onHost<Service>(resources.services, 'a20-address');
      expect(twin.status?.loadBalancer?.ingress ?? []).toEqual([]);
    },
    async 27() {
      // Each of them with packets above.
      await expectDropped(fromShop, [{ host: METADATA, port: PORT }, at('node', 10250)]);
      await fromShop({ host: INTERNET, port: PORT }, 'open');
    },
    async 28() {
      const { rules = [] } = await hostRole();
      expect(rules.filter(({ resources: of = [] }) => of.some((one) => /^(nodes\/|\*)/.test(one)))).toEqual([]);
      const node = (await attacks.pod('victim-of-change')).spec?.nodeName ?? '';
      const of = (namespace: string, pod: string): Promise<string> =>
        raw(attacks, `/api/v1/nodes/${node}/proxy/containerLogs/${namespace}/${pod}/main`);
      expect(await of(PLATFORM, 'controller')).toMatch(/not found|NotFound/);
      expect(await of(attackers.current.namespace, controlPlaneNames(attackers.current.name).pod)).toMatch(
        /not found|NotFound/,
      );
      expect(await of('attacks', 'victim-of-change')).toBe('');
    },
    async 29() {
      // A pod with the name of one of the host's, in a namespace with the name of the host's, on a node that runs both: it has no twin.
      const foreign = new Tenant(attackers, PLATFORM);
      await foreign.prepare();
      // It stays while it is looked at, although a pod that has lost its twin goes.
      await foreign.createPod('controller', { hostNetwork: true }, { finalizers: ['example.com/stay'] });
      const { nodeName } = (await attacks.pod('victim-of-change')).spec ?? {};
      await attackers.current.virtual.create(
        resources.pods,
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name: 'controller' },
          target: { kind: 'Node', name: nodeName },
        } as never,
        { name: 'controller', namespace: PLATFORM, subresource: 'binding' },
      );
      for (const command of [
        ['logs', 'controller'],
        ['exec', 'controller', '--', 'true'],
      ]) {
        const { code, stdout } = await foreign.kubectl(...command);
        expect({ command, worked: code === 0, stdout }).toEqual({ command, worked: false, stdout: '' });
      }
      // Of a pod that does not run kubectl forwards no port; who may write its status says that it runs.
      const at = { namespace: PLATFORM, name: 'controller', type: 'merge' } as const;
      await attackers.current.virtual.patch(
        resources.pods,
        { ...at, subresource: 'status' },
        { status: { phase: 'Running' } },
      );
      const { refusal = '' } = (await forwardedPage(foreign, 'controller', PORTS.http)) as {
        readonly refusal?: string;
      };
      expect(refusal).toContain('pod does not exist');
      await attackers.current.virtual.patch(resources.pods, at, { metadata: { finalizers: null } });
      expect(await attacks.run('victim-of-change', 'echo', 'own')).toBe('own');
      expect(await forwardedPage(shop, 'web', PORTS.http)).toEqual({ page: expect.stringContaining('NOW') as string });
    },
    async 30() {
      const { nodeName = '' } = (await attacks.pod('victim-of-change')).spec ?? {};
      const shown = await attacks.get<Node>(resources.nodes, nodeName);
      const real = await admin.get<Node>(resources.nodes, { name: nodeName });
      expect(shown.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
      expect(shown.status?.images ?? []).toEqual([]);
      expect(shown.status?.volumesAttached ?? []).toEqual([]);
      const addressOf = ({ status }: Node): string[] =>
        (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
      expect(addressOf(real).filter((address) => addressOf(shown).includes(address))).toEqual([]);
      expect(shown.spec?.providerID).toBeUndefined();
    },
    async 31() {
      const before = (await attacks.onHost<Pod>(resources.pods, 'victim-of-change')).status?.podIP ?? '';
      const forged = addresses.get('till') ?? '';
      const status = { podIP: forged, podIPs: [{ ip: forged }] };
      await attackers.current.virtual.patch(
        resources.pods,
        { namespace: 'attacks', name: 'victim-of-change', subresource: 'status', type: 'merge' },
        { status },
      );
      await eventually(
        'the status is that of the host again',
        async () => (await attacks.pod('victim-of-change')).status?.podIP === before,
      );
      expect((await attacks.onHost<Pod>(resources.pods, 'victim-of-change')).status?.podIP).toBe(before);
    },
    async 32() {
      const registry = await startRegistry(host, REGISTRY_PORT);
      const credentials = (tenant: Tenant, name: string) =>
        tenant.create(resources.secrets, name, {
          type: 'kubernetes.io/dockerconfigjson',
          stringData: { '.dockerconfigjson': registry.credentials },
        });
      const spec = (imagePullPolicy: string, ...secrets: string[]) => ({
        ...{ automountServiceAccountToken: false, imagePullSecrets: secrets.map((name) => ({ name })) },
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          idle('main', {
            ...{ image: registry.image, imagePullPolicy },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          }),
        ],
      });
      try {
        // The victim has the right to the image, and its pod brings it to the node.
        await credentials(bank, 'pull');
        await bank.createPod('vault', spec('IfNotPresent', 'pull'));
        await bank.ready('vault');
        // Without any, and with the name of the victim's.
        const refused = registry.answered(401);
        await strictAttacks.createPod('a32-stolen', spec('Never'));
        await strictAttacks.createPod('a32-borrowed', spec('IfNotPresent', 'pull', 'pull-x-bank-x-victim'));
        for (const name of ['a32-stolen', 'a32-borrowed']) {
          await strictAttacks.until(name, 'does not get its image', ({ status }) =>
            (status?.containerStatuses ?? []).some(({ state }) =>
              ['ErrImagePull', 'ImagePullBackOff'].includes(state?.waiting?.reason ?? ''),
            ),
          );
        }
        expect(registry.answered(401)).toBeGreaterThan(refused);
        await credentials(strictAttacks, 'own-pull');
        await strictAttacks.createPod('a32-own', spec('IfNotPresent', 'own-pull'));
        await strictAttacks.ready('a32-own');
      } finally {
        await registry.stop();
      }
    },
    async 34() {
      await attackers.current.virtual.patch(
        resources.pods,
        { namespace: 'attacks', name: 'victim-of-change', subresource: 'ephemeralcontainers', type: 'strategic' },
        { spec: { ephemeralContainers: [{ ...idle('evil'), securityContext: { privileged: true } }] } },
      );
      const { tolerations = [] } = (await attacks.pod('a3-plain')).spec ?? {};
      await attackers.current.virtual.patch(
        resources.pods,
        { namespace: 'attacks', name: 'a3-plain', type: 'merge' },
        { spec: { tolerations: [...tolerations, { operator: 'Exists' }] } },
      );
      const said = (name: string, text: string) =>
        eventually(`kubectl describe pod ${name} says ${text}`, async () =>
          (await attacks.kubectl('describe', 'pod', name)).stdout.includes(text),
        );
      await said('victim-of-change', 'securityContext.privileged');
      await said('a3-plain', 'of every taint');
      const twin = await attacks.onHost<Pod>(resources.pods, 'victim-of-change');
      expect(twin.spec?.ephemeralContainers ?? []).toEqual([]);
      const tolerant = await attacks.onHost<Pod>(resources.pods, 'a3-plain');
      expect((tolerant.spec?.tolerations ?? []).filter(({ key }) => key === undefined)).toEqual([]);
      await attackers.current.virtual.patch(
        resources.pods,
        { namespace: 'attacks', name: 'a1-plain', subresource: 'ephemeralcontainers', type: 'strategic' },
        { spec: { ephemeralContainers: [idle('helper')] } },
      );
      await eventually(
        'an ordinary ephemeral container is on the host',
        async () => (await attacks.onHost<Pod>(resources.pods, 'a1-plain')).spec?.ephemeralContainers?.length === 1,
      );
    },
    async 35() {
      const { virtual, namespace } = attackers.current;
      const flood = (count: number, make: (index: number) => Promise<unknown>): Promise<unknown> =>
        Promise.all(Array.from({ length: count }, (_, index) => make(index)));
      await flood(100, (index) => attacks.create(resources.configMaps, `flood-${index}`, { data: { a: 'b' } }));
      const version = async () => (await attacks.onHost<Pod>(resources.pods, 'a5-plain')).metadata?.generation ?? 0;
      const labelled = (value: string) =>
        virtual.patch(
          resources.pods,
          { namespace: 'attacks', name: 'a5-plain', type: 'merge' },
          { metadata: { labels: { flood: value } } },
        );
      await version();
      for (let index = 0; index < 100; index++) await labelled(String(index));
      await eventually('the last of many changes is on the host', async () => {
        const { metadata } = await attacks.onHost<Pod>(resources.pods, 'a5-plain');
        return metadata?.labels?.['label.nestling.dev/flood'] === '99';
      });
      const { items } = await admin.list<ConfigMap>(resources.configMaps, { namespace });
      expect(items.filter(({ metadata }) => metadata?.name?.startsWith('flood-'))).toEqual([]);
      await fillStore();
    },
    async 36() {
      // Written so, it is a key and not the prototype of the object.
      const data = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
      await attacks.create<ConfigMap>(resources.configMaps, 'a36', { data });
      await attacks.createPod('a36-data', {
        containers: [{ ...idle(), envFrom: [{ configMapRef: { name: 'a36' } }] }],
      });
      await attacks.ready('a36-data');
      const twin = await attacks.onHost<ConfigMap>(resources.configMaps, 'a36');
      expect(JSON.stringify(twin.data)).toBe('{"__proto__":"x","constructor":"y"}');
    },
    async 37() {
      const probe = async (clientConfig: object): Promise<string> => {
        await attackers.current.virtual.create(webhooks, {
          metadata: { name: 'probe' },
          webhooks: [
            {
              ...{ name: 'probe.example.com', clientConfig, failurePolicy: 'Fail', sideEffects: 'None' },
              rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'attacks' } },
              admissionReviewVersions: ['v1'],
            },
          ],
        } as never);
        try {
          return await eventually('the API server asks the webhook', async () => {
            const { code, stderr } = await attacks.kubectl('create', 'configmap', 'probe', '--dry-run=server');
            return code !== 0 && stderr;
          });
        } finally {
          await attackers.current.virtual.delete(webhooks, { name: 'probe' });
        }
      };
      /** Why an API that a Service is to serve is not available. */
      const apiOf = async (service: string, port: number, namespace = 'attacks'): Promise<string> => {
        const name = 'v1.probe.example.com';
        await attackers.current.virtual.create(resources.apiServices, {
          metadata: { name },
          spec: {
            ...{ group: 'probe.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100 },
            ...{ insecureSkipTLSVerify: true, service: { namespace, name: service, port } },
          },
        } as KubeObject);
        interface Conditions extends KubeObject {
          readonly status?: { readonly conditions?: readonly { readonly reason: string; readonly message: string }[] };
        }
        try {
          return await eventually(`the API server has asked Service ${service} for the API`, async () => {
            const { status } = await attackers.current.virtual.get<Conditions>(resources.apiServices, { name });
            const message = status?.conditions?.find(({ reason }) => reason === 'FailedDiscoveryCheck')?.message;
            if (message !== undefined && !message.includes('no endpoints available')) return message;
            throw new Error(`its status is ${JSON.stringify(status)}`);
          });
        } finally {
          await attackers.current.virtual.delete(resources.apiServices, { name });
        }
      };
      const refusal = 'not a node, pod or service of this virtual cluster';
      expect(await probe({ url: `https://${METADATA}/` })).toContain(refusal);
      expect(await probe({ url: `${host.connection.server}/` })).toContain(refusal);
      // An aggregated API, by a name and by endpoints that are the host's.
      const api = new URL(host.connection.server);
      await attacks.create(resources.services, 'a37-name', {
        spec: { type: 'ExternalName', externalName: METADATA, ports: [{ port: 443 }] },
      });
      const port = { name: 'https', port: Number(api.port), protocol: 'TCP' };
      await attacks.create(resources.services, 'a37-handmade', {
        spec: { ports: [{ name: 'https', port: 443, targetPort: port.port }] },
      });
      await attacks.create(resources.endpoints, 'a37-handmade', {
        subsets: [{ addresses: [{ ip: api.hostname }], ports: [port] }],
      });
      // Upstream's own rule.
      expect(await apiOf('a37-name', 443)).toContain('unsupported service type');
      expect(await apiOf('a37-handmade', 443)).toContain(refusal);
      // The tenant's own is asked, and is none.
      expect(await apiOf('web', 80, 'shop')).not.toContain(refusal);
      // A pod of its own is asked, and has no certificate.
      const own = addresses.get('web') ?? '';
      expect(await probe({ url: `https://${own}:${PORTS.http}/` })).not.toContain(refusal);
      await eventually(
        'without a webhook the ConfigMap is taken',
        async () => (await attacks.kubectl('create', 'configmap', 'probe', '--dry-run=server')).code === 0,
      );
    },
    async 38() {
      const { name } = attackers.current;
      const { pod, workloadServiceAccount } = controlPlaneNames(name);
      expect(await attacks.kubectl('exec', pod, '--', 'true')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('not found'),
      });
      const { namespace } = attackers.current;
      for (const resource of ['pods', 'secrets', 'configmaps']) {
        expect(await may(workloadServiceAccount, { namespace, verb: 'get', resource })).toBe(false);
      }
      expect(await attacks.run('victim-of-change', 'echo', 'own')).toBe('own');
    },
    async 39() {
      const { namespace, name } = attackers.current;
      const { serviceAccount } = controlPlaneNames(name);
      const { rules = [] } = await hostRole();
      expect(rules.filter((rule) => JSON.stringify(rule).includes('"*"'))).toEqual([]);
      for (const attributes of [
        { namespace: victims.current.namespace, verb: 'list', resource: 'secrets' },
        { namespace: victims.current.namespace, verb: 'create', resource: 'pods' },
        { namespace, verb: 'create', resource: 'roles', group: 'rbac.authorization.k8s.io' },
        { verb: 'list', resource: 'nodes' },
        { verb: 'get', resource: 'nodes', subresource: 'proxy' },
        { verb: 'list', resource: 'namespaces' },
      ]) {
        expect({ ...attributes, allowed: await may(serviceAccount, attributes) }).toEqual({
          ...attributes,
          allowed: false,
        });
      }
      expect(await may(serviceAccount, { namespace, verb: 'create', resource: 'pods' })).toBe(true);
    },
    async 40() {
      const stores: Target[] = [];
      for (const cluster of [attackers, victims]) {
        const { namespace, name } = cluster.current;
        const pod = await admin.get<Pod>(resources.pods, { namespace, name: controlPlaneNames(name).pod });
        for (const port of [2379, 2381]) stores.push({ host: pod.status?.podIP ?? '', port });
      }
      await expectDropped(fromShop, stores);
      await fromShop({ host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
    },
  };

  test.each(ATTACKS.map((attack) => [attack.id, attack.title, attack] as const))(
    '%d: %s',
    async (id, _title, attack) => {
      const made = isStrict(attack) ? strictAttempts : attempts;
      const shown = live[id];
      if (attack.attempts.length === 0 && !shown) throw new Error('nothing makes this attack');
      for (const one of attack.attempts) await made.expect(one);
      for (const one of attack.atRestricted ?? []) await strictAttempts.expect(one);
      for (const one of attack.legitimate) await made.expect(one);
      await shown?.();
    },
  );
});
