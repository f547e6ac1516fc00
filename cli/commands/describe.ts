import type { Command } from 'commander';
import type { Event, PersistentVolumeClaim, Pod, Service } from 'kubernetes-types/core/v1';
import { CONTROL_PLANE_LABEL, controlPlaneNames, controlPlaneSelector } from '../../syncer/configuration';
import { ApiError, labelSelectorOf, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { LABELS } from '../../syncer/translation';
import type { Context } from '../context';
import { age } from '../output';
import { contextName, findCluster } from '../virtual-clusters';
import { eventLine, eventTime, isReady, waitingFor } from '../waiting';

/** So many of the last events are told. */
const EVENTS = 5;

export function describe(command: Command): void {
  command.argument('<name>', 'name of the virtual cluster');
}

export async function run({ host: openHost, output, signal }: Context, [given]: readonly unknown[]): Promise<void> {
  const host = await openHost();
  const found = await findCluster(host, String(given), signal);
  const { name, namespace, status, version, created, statefulSet } = found;
  const { client } = host;
  const listed = async <T extends KubeObject>(type: ResourceType, labelSelector?: string): Promise<T[]> => {
    const items: T[] = [];
    const options = { namespace, signal, ...(labelSelector !== undefined && { labelSelector }) };
    for await (const page of client.listAll<T>(type, options)) items.push(...page.items);
    return items;
  };
  // What somebody may not look at is left out.
  const allowed = async <T extends KubeObject>(...args: Parameters<typeof listed>): Promise<T[]> =>
    listed<T>(...args).catch((error: unknown) => {
      if (ApiError.is(error, 'Forbidden')) return [];
      throw error;
    });
  const selector = labelSelectorOf(controlPlaneSelector(name));
  const [pods, tenantPods, services, claims, allEvents] = await Promise.all([
    allowed<Pod>(resources.pods, selector),
    allowed<Pod>(resources.pods, `${LABELS.virtualCluster}=${name}`),
    allowed<Service>(resources.services, `${CONTROL_PLANE_LABEL}=${name}`),
    allowed<PersistentVolumeClaim>(resources.persistentVolumeClaims),
    allowed<Event>(resources.events),
  ]);
  const names = controlPlaneNames(name);
  const service = services.find(({ metadata }) => metadata?.name === names.apiServerService);
  const own = new Set([name, ...pods.map(({ metadata }) => metadata?.name ?? '')]);
  const events = allEvents
    .filter(({ involvedObject }) => own.has(involvedObject.name ?? ''))
    .sort((one, other) => eventTime(one) - eventTime(other))
    .slice(-EVENTS);
  const store = claims.filter(
    ({ metadata }) => metadata?.name?.startsWith(`data-${name}-`) && metadata.labels?.[CONTROL_PLANE_LABEL] === name,
  );
  const template = statefulSet.spec?.template.spec;
  const waiting = status === 'Starting' ? waitingFor(pods, names.pod) : undefined;
  const data = {
    name,
    namespace,
    status,
    ...(waiting !== undefined && { waitingFor: waiting }),
    version,
    connected: host.kubeconfig.currentContext === contextName(name, namespace, host.context.name),
    created,
    replicas: { wanted: statefulSet.spec?.replicas ?? 1, ready: pods.filter(isReady).length },
    service: {
      name: names.apiServerService,
      type: service?.spec?.type ?? '',
      clusterIP: service?.spec?.clusterIP ?? '',
    },
    store: store.map(({ metadata, status: claim, spec }) => ({
      claim: metadata?.name ?? '',
      phase: claim?.phase ?? '',
      size: claim?.capacity?.['storage'] ?? spec?.resources?.requests?.['storage'] ?? '',
    })),
    images: Object.fromEntries(
      (template?.containers ?? []).map((container) => [container.name, container.image ?? '']),
    ),
    tenantPods: tenantPods.length,
    events: events.map((event) => ({ time: new Date(eventTime(event)).toISOString(), text: eventLine(event) })),
  };
  output.result(data, () => {
    const rows: readonly (readonly [string, string])[] = [
      ['Name', name],
      ['Namespace', namespace],
      ['Status', waiting === undefined ? status : `${status}, waits for ${waiting}`],
      ['Kubernetes', version],
      ['Connected', data.connected ? 'yes' : 'no'],
      ['Age', age(Date.now() - Date.parse(created))],
      ['Replicas', `${data.replicas.ready} of ${data.replicas.wanted} ready`],
      ['API server', `Service ${names.apiServerService}, ${data.service.type} ${data.service.clusterIP}`],
      [
        'Store',
        store.length === 0
          ? 'no volume'
          : data.store.map((one) => `${one.claim} (${one.phase}, ${one.size})`).join(', '),
      ],
      ['Tenant pods', `${tenantPods.length} on the host`],
    ];
    const lines = rows.map(([title, value]) => `${`${title}:`.padEnd(13)}${value}`);
    lines.push('Images:', ...Object.entries(data.images).map(([container, image]) => `  ${container}: ${image}`));
    if (events.length > 0)
      lines.push(
        'Events:',
        ...data.events.map(({ time, text }) => `  ${age(Date.now() - Date.parse(time))} ago  ${text}`),
      );
    return lines.join('\n');
  });
}
