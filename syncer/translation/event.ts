import type { Event, Pod } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import { hiddenContainerName, withoutHiddenContainer } from './hidden-container';
import { ANNOTATIONS } from './keys';
import { digits, isHashedName, MAX_HOST_NAME_LENGTH, virtualNames, type ClusterIdentity } from './names';
import { podReferences } from './pod-references';
import { tenantText, type KnownName } from './tenant-text';

/** On every event of the host that was copied, so that a syncer that starts finds them with one list. */
export const HOST_EVENT_LABEL = 'nestling.dev/host-event';

/** An object of the virtual cluster and its twin, as far as events need them. */
export interface EventSubject {
  /** With apiVersion and kind. */
  readonly virtual: EventObject;
  readonly host: EventObject;
}

interface EventObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** What stands for an object of the host that the tenant does not know. */
const UNKNOWN = '(an object on the host)';
/** Longest message of an event, in bytes; virtual names are shorter than those of the host, but not always. */
const MESSAGE_LIMIT = 1024;
/** Longest text in which names are looked for, in characters: events of the core API have no limit of their own. */
const TEXT_LIMIT = 4 * MESSAGE_LIMIT;

/**
 * An event of the host about a twin, as one about the virtual object: in the tenant's names, without places on the host and
 * without what the tenant does not see. Undefined for an event about a container that is hidden.
 *
 * Its name follows from the host event's UID: a second copy cannot be made.
 *
 * @param nameOf the virtual object that another host object of ours belongs to, by its host name
 */
export function translateEvent(
  event: Event,
  { virtual, host }: EventSubject,
  id: ClusterIdentity,
  nameOf: (hostName: string) => KnownName | undefined = () => undefined,
): Event | undefined {
  const { name = '', namespace = '', uid } = virtual.metadata ?? {};
  const pod = virtual.kind === 'Pod' ? { virtual: virtual as Pod, host: host as Pod } : undefined;
  const { fieldPath } = event.involvedObject;
  const hidden = pod && hiddenContainerName(pod.host);
  if (hidden !== undefined && fieldPath?.endsWith(`{${hidden}}`)) return undefined;

  const known: KnownName[] = [
    { namespace, name, uids: { host: host.metadata?.uid ?? '', virtual: uid ?? '' } },
    ...(pod ? podReferences(pod.virtual) : []),
  ];
  const spoken = tenantText(beginning(event.message ?? ''), id, known);
  const visible = pod ? withoutHiddenContainer(spoken, pod.host) : spoken;
  const node = pod?.host.spec?.nodeName;
  const component = event.reportingComponent || event.source?.component || '';
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name.slice(0, 253 - 17).replace(/[^a-z0-9]+$/, '')}.${digits(event.metadata.uid ?? '', 16)}`,
      namespace,
      labels: { [HOST_EVENT_LABEL]: 'true' },
      annotations: { [ANNOTATIONS.resourceVersion]: event.metadata.resourceVersion ?? '' },
    },
    involvedObject: {
      ...defined({ apiVersion: virtual.apiVersion, kind: virtual.kind }),
      name,
      namespace,
      ...defined({ uid, fieldPath }),
    },
    ...defined({
      type: event.type,
      reason: event.reason,
      message: cut(withoutOthers(visible, namespace, id, nameOf)),
      action: event.action,
      count: event.count,
      series: event.series,
      firstTimestamp: event.firstTimestamp,
      lastTimestamp: event.lastTimestamp,
      eventTime: event.eventTime,
      reportingComponent: event.reportingComponent || undefined,
      // Where the host's own components run is not the tenant's; its pod's node is.
      reportingInstance: event.reportingInstance && (event.reportingInstance === node ? node : component),
    }),
    source: defined({
      component: event.source?.component,
      host: event.source?.host !== undefined && event.source.host === node ? node : undefined,
    }),
  };
}

/** What changes when an event happens again: a JSON merge patch of the copy. */
export function eventUpdate({ metadata, message, count, series, lastTimestamp }: Event): object {
  return { metadata: { annotations: metadata.annotations }, ...defined({ message, count, series, lastTimestamp }) };
}

/** The text without names of host objects that are left: those of the tenant's are told, others are not. */
function withoutOthers(
  text: string,
  namespace: string,
  id: ClusterIdentity,
  nameOf: (hostName: string) => KnownName | undefined,
): string {
  const told = ({ namespace: its, name }: KnownName): string => (its === namespace ? name : `${its}/${name}`);
  const result = text.replace(HOST_NAME, (word, before: string | undefined, name: string) => {
    // A domain or another word may follow a dot, which names may contain too: the longest that is one counts.
    for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) {
      if (end > MAX_HOST_NAME_LENGTH) end = name.lastIndexOf('.', MAX_HOST_NAME_LENGTH);
      if (end <= 0) break;
      const candidate = name.slice(0, end);
      const found = virtualNames(id, candidate) ?? nameOf(candidate);
      if (found !== undefined)
        return told(found) + name.slice(end).replace(`.${id.hostNamespace}`, `.${found.namespace}`);
    }
    const foreign = before === id.hostNamespace || isHashedName(name) || name.split('-x-').length > 2;
    return foreign ? UNKNOWN : word;
  });
  // Ordinary words stay; no sentence has one with a dash or digit in it by chance.
  if (!/[-0-9]/.test(id.hostNamespace)) return result;
  const whole = new RegExp(`(?<![a-z0-9-])${id.hostNamespace}(?![a-z0-9-])`, 'g');
  return result.replace(whole, namespace);
}

/**
 * A word that may be the name of a host object of ours or of another virtual cluster, with a namespace before it: what is
 * joined by `-x-`, or long enough to have been cut. What stands before `-x-` is no longer than names are, so that a long text is not
 * read again from each of its dots.
 */
const HOST_NAME = new RegExp(
  '(?<![a-z0-9-])(?:([a-z0-9-]+)/)?' +
    '([a-z0-9](?:[a-z0-9.-]{0,61}?[a-z0-9])?-x-[a-z0-9.-]*[a-z0-9]|[a-z0-9][a-z0-9.-]{49,51}-[0-9a-f]{10}(?![a-z0-9-]))',
  'g',
);

/** As much of a text as names are looked for in. It ends before a word that may be one: half a name would not be found. */
function beginning(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  let end = TEXT_LIMIT;
  // Nor between the two halves of a character.
  while (end > 0 && /[A-Za-z0-9._/\ud800-\udbff-]/.test(text.charAt(end - 1))) end--;
  return `${text.slice(0, end)}…`;
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MESSAGE_LIMIT) return text;
  let end = MESSAGE_LIMIT - 3;
  // Never inside a character: continuation bytes are 10xxxxxx.
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString('utf8')}…`;
}

/** Without the keys whose value is undefined, null or empty text. */
function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  ) as { [K in keyof T]?: NonNullable<T[K]> };
}
