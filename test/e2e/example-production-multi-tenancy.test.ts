import type { ResourceQuota } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { TEAMS } from '../../examples/production-multi-tenancy/teams';
import { resources } from '../../syncer/kube-client';
import type { AnyObject } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { useExample } from './example';
import { idle, Tenant } from './tenant';

const TEAM = 'search';

let objects: readonly AnyObject[] = [];
const cluster = useExample('production-multi-tenancy', {
  cluster: TEAM,
  namespace: `team-${TEAM}`,
  adapt: (all) => {
    objects = all;
    const ofTeam = all.filter(({ metadata }) => [metadata?.namespace, metadata?.name].includes(`team-${TEAM}`));
    // The test bed has no registry that each pod could ask for its image.
    const offline = (text: string): string => text.replace('alwaysPullImages: true', 'alwaysPullImages: false');
    for (const { kind, data = {} } of ofTeam as readonly { kind?: string; data?: Record<string, string> }[]) {
      if (kind === 'ConfigMap') for (const [key, text] of Object.entries(data)) data[key] = offline(text);
    }
    return ofTeam;
  },
});
const tenant = new Tenant(cluster, 'web');

beforeAll(() => tenant.prepare());

const careful = {
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [idle('main', { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } })],
};

test('each team has all of its objects in a namespace of its own, and nothing outside of it', () => {
  const namespaces = TEAMS.map(({ name }) => `team-${name}`);
  const places = new Set(
    objects.map(({ kind, metadata }) => (kind === 'Namespace' ? metadata?.name : metadata?.namespace)),
  );
  expect([...places].sort()).toEqual(namespaces.sort());
});

test('a pod that meets the level runs, within the team’s quota, and one that does not is refused', async () => {
  await tenant.createPod('careful', careful);
  await tenant.createPod('careless');
  await tenant.ready('careful', 120);
  const refused = await eventually('pod careless is told why it does not run', async () => {
    const { status } = await tenant.pod('careless');
    return status?.conditions?.find(({ type, reason }) => type === 'PodScheduled' && reason === 'PolicyViolation');
  });
  expect(refused.message).toContain('allowPrivilegeEscalation');
  const { host, namespace } = tenant.cluster;
  const { items } = await host.list<ResourceQuota>(resources.resourceQuotas, { namespace });
  expect(items.map(({ spec }) => spec?.hard?.['pods'])).toHaveLength(1);
});

test('a team claims its own host names and no other team’s', async () => {
  const ingress = (host: string) => ({
    spec: {
      rules: [
        {
          host,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
          },
        },
      ],
    },
  });
  await tenant.create<Ingress>(resources.ingresses, 'own', ingress('search.example.org'));
  await tenant.create<Ingress>(resources.ingresses, 'foreign', ingress('shop.example.org'));
  await eventually('the Ingress with the team’s own name is on the host', () =>
    tenant.onHost<Ingress>(resources.ingresses, 'own'),
  );
  await eventually('the other team’s name is refused with an event', async () => {
    const { stdout } = await tenant.kubectl('get', 'events', '--field-selector', 'involvedObject.name=foreign');
    return stdout.includes('shop.example.org');
  });
  await expect(tenant.onHost(resources.ingresses, 'foreign')).rejects.toMatchObject({ reason: 'NotFound' });
});
