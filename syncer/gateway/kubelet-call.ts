/** A call of the kubelet's API that the façade serves. */
export type KubeletCall =
  | {
      readonly call: 'containerLogs';
      readonly namespace: string;
      readonly pod: string;
      readonly container: string;
      readonly query: URLSearchParams;
    }
  | {
      readonly call: 'exec' | 'attach';
      readonly namespace: string;
      readonly pod: string;
      readonly uid?: string;
      readonly container: string;
      readonly query: URLSearchParams;
    }
  | {
      readonly call: 'portForward';
      readonly namespace: string;
      readonly pod: string;
      readonly uid?: string;
      readonly query: URLSearchParams;
    };

/** An answer in the kubelet's manner: a status and a plain text. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  /** Its media type. @default plain text */
  readonly type?: string;
}

/** What a kubelet has and a virtual node does not give: first segments of its paths. */
const NOT_PROVIDED: ReadonlySet<string> = new Set(
  (
    'healthz pods runningpods allocatedPods stats metrics run configz checkpoint logs debug statusz flagz cri spec ' +
    'podresources'
  ).split(' '),
);

const METHODS: Readonly<Record<KubeletCall['call'], readonly string[]>> = {
  containerLogs: ['GET'],
  exec: ['GET', 'POST'],
  attach: ['GET', 'POST'],
  portForward: ['GET', 'POST'],
};

/** Reads a request line as a call of the kubelet's API, or gives the answer to refuse it with. */
export function parseKubeletCall(method: string, target: string): KubeletCall | PlainAnswer {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments = path.split('/').map(decoded);
  const [empty, call, namespace, pod, ...rest] = segments;
  if (empty !== '' || segments.includes(undefined)) return { status: 400, text: 'malformed path' };
  if (!isCall(call)) {
    return call !== undefined && NOT_PROVIDED.has(call)
      ? { status: 501, text: `/${call} is not provided by virtual nodes` }
      : { status: 404, text: '404 page not found' };
  }
  if (!METHODS[call].includes(method)) return { status: 405, text: `${method} is not allowed here` };
  if (!isLabel(namespace) || !isSubdomain(pod)) return { status: 404, text: 'pod does not exist' };
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));

  if (call === 'portForward') {
    const [uid] = rest;
    if (rest.length > 1 || uid === '') return { status: 404, text: '404 page not found' };
    return { call, namespace, pod, ...(uid === undefined ? {} : { uid }), query };
  }
  if (call === 'containerLogs') {
    const [container] = rest;
    if (rest.length !== 1) return { status: 404, text: '404 page not found' };
    if (!isLabel(container)) return { status: 404, text: `container not found in pod "${pod}"` };
    return { call, namespace, pod, container, query };
  }
  const container = rest.at(-1);
  const uid = rest.length === 2 ? rest[0] : undefined;
  if (rest.length < 1 || rest.length > 2 || uid === '') return { status: 404, text: '404 page not found' };
  if (!isLabel(container)) return { status: 404, text: `container not found in pod "${pod}"` };
  return { call, namespace, pod, ...(uid === undefined ? {} : { uid }), container, query };
}

const isCall = (text: string | undefined): text is KubeletCall['call'] =>
  text !== undefined && Object.hasOwn(METHODS, text);

const isLabel = (text: string | undefined): text is string =>
  text !== undefined && text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);

const isSubdomain = (text: string | undefined): text is string =>
  text !== undefined &&
  text.length <= 253 &&
  text.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label));

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
