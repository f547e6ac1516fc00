import type { Container, Namespace, Pod } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';

/** A pod that network policies can select, as a source or a target of packets. */
export interface Endpoint {
  readonly namespace: string;
  readonly name: string;
  /** Name of the node it runs on. */
  readonly node: string;
  readonly addresses: readonly string[];
  readonly labels: Labels;
  /** Labels of its namespace; undefined while that is not known, which no selector matches. */
  readonly namespaceLabels: Labels | undefined;
  /** The ports that its containers name. */
  readonly ports: readonly NamedPort[];
}

/** A port that a container gives a name. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

/**
 * The pods that network policies can select, sorted. Those that share their node's network are that node, and those that have
 * ended have no address any more: theirs may be another pod's by now. An address that two pods name is the newer one's.
 */
export function endpointsOf(pods: Iterable<Pod>, namespaces: Iterable<Namespace>): Endpoint[] {
  const labelsOf = new Map([...namespaces].map(({ metadata }) => [metadata?.name ?? '', metadata?.labels ?? {}]));
  const running = [...pods]
    .filter(({ spec, status }) => !spec?.hostNetwork && status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
    .sort((a, b) => compare(ageOf(a), ageOf(b)));
  const owners = new Map(running.flatMap((pod) => addressesOf(pod).map((address) => [address, pod])));
  return running
    .map((pod) => ({ pod, addresses: addressesOf(pod).filter((address) => owners.get(address) === pod) }))
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ pod: { metadata, spec }, addresses }) => ({
      namespace: metadata?.namespace ?? '',
      name: metadata?.name ?? '',
      node: spec?.nodeName ?? '',
      addresses,
      labels: metadata?.labels ?? {},
      namespaceLabels: labelsOf.get(metadata?.namespace ?? ''),
      ports: [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)].flatMap(namedPorts),
    }))
    .sort((a, b) => compare(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`));
}

const addressesOf = ({ status }: Pod): string[] =>
  [...new Set([...(status?.podIPs ?? []).map(({ ip }) => ip), status?.podIP])].filter(
    (ip) => ip !== undefined && ip !== '',
  ) as string[];

/** Sorts pods by age, those that are going first. */
const ageOf = ({ metadata }: Pod): string =>
  `${metadata?.deletionTimestamp === undefined ? 1 : 0} ${metadata?.creationTimestamp ?? ''} ${metadata?.namespace}/${metadata?.name}`;

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** An init container that runs beside the others. */
const isSidecar = ({ restartPolicy }: Container & { restartPolicy?: string }): boolean => restartPolicy === 'Always';

const namedPorts = ({ ports }: Container): NamedPort[] =>
  (ports ?? []).flatMap(({ name, protocol = 'TCP', containerPort }) =>
    name === undefined ? [] : [{ name, protocol, port: containerPort }],
  );

/** Whether a label selector matches; an empty one matches everything. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const has = (key: string): boolean => Object.hasOwn(labels, key);
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => has(key) && labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      switch (operator) {
        case 'In':
          return has(key) && values.includes(labels[key] ?? '');
        case 'NotIn':
          return !has(key) || !values.includes(labels[key] ?? '');
        case 'Exists':
          return has(key);
        case 'DoesNotExist':
          return !has(key);
        default:
          throw new Error(`operator ${operator} of a label selector is not known`);
      }
    })
  );
}
