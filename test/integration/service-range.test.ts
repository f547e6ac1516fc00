import type { Service } from 'kubernetes-types/core/v1';
import { apiServerService } from '../../constructs/control-plane/services';
import { resolveSpec } from '../../constructs/spec';
import { type ClusterConnection, KubeClient, resources } from '../../syncer/kube-client';
import { findServiceRanges, hostAnswers } from '../../syncer/pki/service-range';
import { searchServiceRange } from '../../syncer/pki/service-range-search';
import { type RunningApiServer, startApiServer } from '../host-cluster/api-server';

const namespace = 'team-a';
const clusterName = 'vc';
const userAgent = 'nestling-test';

/** Lets a user do in the host namespace what the init container may, and nothing cluster-wide. */
async function namespacedUser(server: RunningApiServer, admin: KubeClient): Promise<ClusterConnection> {
  const metadata = { name: 'init', namespace };
  await admin.create(resources.roles, {
    metadata,
    rules: [{ apiGroups: [''], resources: ['services'], verbs: ['create'] }],
  });
  await admin.create(resources.roleBindings, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'init' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'init' }],
  });
  return server.connectionFor('init');
}

describe.each([
  { ranges: ['10.96.0.0/12'] },
  { ranges: ['10.43.0.0/16', 'fd00:10:43::/112'] },
  { ranges: ['172.20.16.0/20'] },
  { ranges: ['fd00:10:96::/108', '192.168.77.0/24'] },
])('a host with $ranges', ({ ranges }) => {
  let server: RunningApiServer;
  let admin: KubeClient;
  let init: KubeClient;
  let serviceIPs: string[];

  beforeAll(async () => {
    server = await startApiServer({ name: 'range', flags: [`--service-cluster-ip-range=${ranges.join(',')}`] });
    admin = new KubeClient(server.connection, { userAgent });
    await admin.create(resources.namespaces, { metadata: { name: namespace } });
    init = new KubeClient(await namespacedUser(server, admin), { userAgent });
    const spec = resolveSpec({ name: clusterName, namespace }, { id: clusterName });
    if (!spec.ok) throw new Error(JSON.stringify(spec.problems));
    const service = await admin.create<Service>(resources.services, apiServerService(spec.spec));
    serviceIPs = service.spec?.clusterIPs ?? [];
    expect(serviceIPs).toHaveLength(ranges.length);
  }, 120_000);

  afterAll(async () => {
    await Promise.all([admin?.close(), init?.close()]);
    await server?.stop();
  }, 120_000);

  test('says so where its ServiceCIDR may be read', async () => {
    expect(await findServiceRanges({ client: admin, namespace, clusterName, serviceIPs })).toEqual(ranges);
    expect(admin.requests.count({ verb: 'create', resource: 'services' })).toBe(1);
  });

  test('says so to dry runs, and nothing is stored', async () => {
    expect(await findServiceRanges({ client: init, namespace, clusterName, serviceIPs })).toEqual(ranges);
    expect(init.requests.count({ verb: 'create' })).toBe(ranges.length);
    const { items } = await admin.list(resources.services, { namespace });
    expect(items.map(({ metadata }) => metadata?.name)).toEqual([clusterName]);
  });

  test('is measured when it names no range', async () => {
    const ask = hostAnswers({ client: init, namespace, clusterName, serviceIPs });
    const before = init.requests.count({ verb: 'create' });
    for (const [index, range] of ranges.entries()) {
      const found = await searchServiceRange(serviceIPs[index]!, async (address) => {
        const answer = await ask(address);
        return answer.kind === 'range' ? { kind: 'outside' } : answer;
      });
      expect(found).toBe(range);
    }
    expect(init.requests.count({ verb: 'create' }) - before).toBeLessThanOrEqual(8 * ranges.length);
  });

  test('refuses for another reason: the error quotes it and names the setting', async () => {
    const nobody = new KubeClient(server.connectionFor('nobody'), { userAgent });
    await expect(findServiceRanges({ client: nobody, namespace, clusterName, serviceIPs })).rejects.toThrow(
      /a dry run of a Service with ClusterIP .* ended with: .*"nobody" cannot create resource "services".*; set network\.serviceCIDRs/s,
    );
    await nobody.close();
  });
});
