import { apiVersionOf, resources } from '../../syncer/kube-client';
import type { AnyObject, ResourceType } from '../../syncer/kube-client';
import { ANNOTATIONS, LABELS } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  await clusters.startSyncer({
    sync: { toHost: { endpointSlices: { allowedRanges: ['192.0.2.0/24'] } } },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const claim = { accessModes: ['ReadWriteOnce'], storageClassName: 'disk', resources: { requests: { storage: '1Gi' } } };
const rule = { host: 'a.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend: backendTo('web') }] } };

function backendTo(name: string): object {
  return { service: { name, port: { number: 80 } } };
}

/** Of each kind that is synced on its own account, a small object: pods, config maps and Services have tests of their own. */
const KINDS: readonly (readonly [string, ResourceType, object])[] = [
  ['PersistentVolumeClaim', resources.persistentVolumeClaims, { spec: claim }],
  ['Ingress', resources.ingresses, { spec: { rules: [rule] } }],
  ['NetworkPolicy', resources.networkPolicies, { spec: { podSelector: {}, policyTypes: ['Ingress'] } }],
  ['PodDisruptionBudget', resources.podDisruptionBudgets, { spec: { minAvailable: 1, selector: {} } }],
  [
    'EndpointSlice',
    resources.endpointSlices,
    {
      metadata: { labels: { 'kubernetes.io/service-name': 'outside' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.7'] }],
      ports: [{ port: 80 }],
    },
  ],
];

const object = (type: ResourceType, namespace: string, name: string, content: object): AnyObject => ({
  apiVersion: apiVersionOf(type),
  kind: type.kind,
  ...content,
  metadata: { ...(content as AnyObject).metadata, name, namespace },
});

/** What an object of somebody else may look like that has the twin's name. */
const FOREIGN: readonly (readonly [string, (kind: string) => object])[] = [
  ['without our marks', () => ({})],
  ['with our label alone', () => ({ labels: { [LABELS.virtualCluster]: NAME } })],
  [
    'with the marks of another cluster',
    (kind) => ({
      labels: { [LABELS.virtualCluster]: 'other', [LABELS.namespace]: 'default' },
      annotations: { [ANNOTATIONS.kind]: kind, [ANNOTATIONS.namespace]: 'default', [ANNOTATIONS.name]: 'taken' },
    }),
  ],
];

describe.each(KINDS)('a %s of the host that is not ours', (kind, type, content) => {
  test.each(FOREIGN)('and has the name of a twin, %s, is never touched; the tenant is told', async (what, marks) => {
    const name = `taken-${FOREIGN.findIndex(([one]) => one === what)}`;
    const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf(name) };
    const { metadata: own } = content as AnyObject;
    const theirs = object(type, HOST_NAMESPACE, at.name, { ...content, metadata: { ...own, ...marks(kind) } });
    const foreign = await clusters.host.create<AnyObject>(type, theirs);
    if (type === resources.endpointSlices) {
      await clusters.virtual
        .create(resources.services, {
          ...object(resources.services, 'default', 'outside', {}),
          spec: { ports: [{ port: 80 }] },
        } as AnyObject)
        .catch(() => undefined); // there from the case before
    }
    await clusters.virtual.create<AnyObject>(type, object(type, 'default', name, content));
    await eventually(`event HostNameTaken about ${kind} ${name}`, async () =>
      (await clusters.events(name)).some(
        ({ reason, involvedObject }) => reason === 'HostNameTaken' && involvedObject.kind === kind,
      ),
    );
    const versionOf = async (): Promise<unknown> => {
      const now = await clusters.host.get<AnyObject>(type, at);
      return [now.metadata?.uid, now.metadata?.resourceVersion];
    };
    expect(await versionOf()).toEqual([foreign.metadata?.uid, foreign.metadata?.resourceVersion]);
    await clusters.virtual.delete(type, { namespace: 'default', name });
    // A full turn of the kind's queue: another object of it got its twin meanwhile.
    await clusters.virtual.create<AnyObject>(type, object(type, 'default', `after-${name}`, content));
    await eventually(`${kind} after-${name} has its twin`, () => clusters.twin(type, `after-${name}`));
    expect(await versionOf()).toEqual([foreign.metadata?.uid, foreign.metadata?.resourceVersion]);
  });
});
