import type { ObjectReference } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { contentOf } from './applied';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import { Copier, dropped, list, object, plain, plainList, translated, type Field, type Rule } from './fields';
import type { HostRight } from './host-right';
import { hostMetadata } from './metadata';
import { hostName } from './names';

/** What the syncer does with EndpointSlices on the host. */
export const ENDPOINT_SLICE_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'discovery.k8s.io',
    resources: ['endpointslices'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

/** Label that names the Service of a slice: upstream's, on both sides. */
export const SERVICE_NAME = 'kubernetes.io/service-name';

/** Whose slice it is: upstream's controllers leave alone what is not theirs by this label. */
export const SLICE_MANAGER = { label: 'endpointslice.kubernetes.io/managed-by', value: 'nestling.dev' } as const;

/** A pod of the tenant's on the host, as far as slices need it. */
export interface EndpointPod {
  /** What it is the twin of. */
  readonly virtual: { readonly namespace: string; readonly name: string };
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string | undefined;
}

/** What an EndpointSlice's translation needs. */
export interface EndpointSliceContext extends ObjectContext {
  /** The tenant's own pods on the host that have an address now. */
  readonly podsAt: (address: string) => readonly EndpointPod[];
}

class SliceEnvironment extends RefusalCollector {
  constructor(
    readonly context: EndpointSliceContext,
    readonly namespace: string,
  ) {
    super();
  }
}

/** Rule of an endpoint: what it says of pod and node stands as far as the host knows it of the pod with that address. */
const translateEndpoint: Rule<SliceEnvironment> = (copy, source, { context, namespace }) => {
  const { addresses = [], nodeName, targetRef } = source as unknown as Endpoint;
  delete copy['nodeName'];
  delete copy['targetRef'];
  const pods = addresses[0] === undefined ? [] : context.podsAt(addresses[0]);
  const refersTo = ({ virtual }: EndpointPod): boolean =>
    targetRef?.kind === 'Pod' &&
    virtual.namespace === (targetRef.namespace || namespace) &&
    virtual.name === targetRef.name;
  const pod = pods.find(refersTo);
  if (pod) copy['targetRef'] = hostReference(pod, context);
  if (nodeName && pods.some((one) => one.nodeName === nodeName)) copy['nodeName'] = nodeName;
};

function hostReference({ name, uid }: EndpointPod, { identity }: EndpointSliceContext): ObjectReference {
  return { kind: 'Pod', namespace: identity.hostNamespace, name, uid };
}

/** Every field of EndpointSlice beside its metadata. */
export const ENDPOINT_SLICE: Field<SliceEnvironment> = object<SliceEnvironment>({
  addressType: plain,
  endpoints: list(
    object<SliceEnvironment>(
      {
        addresses: plainList,
        conditions: object({ ready: plain, serving: plain, terminating: plain }),
        deprecatedTopology: dropped('it was of v1beta1, and API servers ignore it'),
        hints: object({ forNodes: list(object({ name: plain })), forZones: list(object({ name: plain })) }),
        hostname: plain,
        nodeName: translated,
        targetRef: object({
          apiVersion: translated,
          fieldPath: translated,
          kind: translated,
          name: translated,
          namespace: translated,
          resourceVersion: translated,
          uid: translated,
        }),
        zone: plain,
      },
      translateEndpoint,
    ),
  ),
  ports: list(object({ appProtocol: plain, name: plain, port: plain, protocol: plain })),
});

/** Key (`namespace/name`) of the virtual Service that a virtual slice belongs to; undefined where it names none. */
export function serviceOfSlice({ metadata }: EndpointSlice): string | undefined {
  const name = metadata?.labels?.[SERVICE_NAME];
  return name ? `${metadata?.namespace}/${name}` : undefined;
}

/**
 * The host twin of an EndpointSlice, which belongs to the twin of its Service. Whether its addresses may go there is the policy's
 * to say. Never call it for a slice of `default/kubernetes` or of a Service with a selector, whose twin has slices of the host's.
 */
export function translateEndpointSlice(
  slice: EndpointSlice,
  context: EndpointSliceContext,
): Translation<EndpointSlice> {
  const virtual = slice.metadata;
  const environment = new SliceEnvironment(context, virtual?.namespace ?? '');
  const copy = new Copier(environment).copy(ENDPOINT_SLICE, contentOf(slice), []) as Omit<EndpointSlice, 'metadata'>;
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const metadata = hostMetadata('EndpointSlice', virtual, context);
  const service = virtual?.labels?.[SERVICE_NAME] ?? '';
  metadata.labels[SERVICE_NAME] = hostName(context.identity, virtual?.namespace ?? '', service);
  metadata.labels[SLICE_MANAGER.label] = SLICE_MANAGER.value;
  return {
    ok: true,
    object: { ...copy, apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata },
    references: [],
  };
}
