import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Node } from 'kubernetes-types/core/v1';
import type { Logger } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { KubeClient, ResourceType } from '../kube-client';
import { nodeMetrics, RESOURCE_METRICS } from '../translation';
import type { NodeMetrics, PodMetrics } from '../translation';
import type { PlacedPod, TenantObjects } from './facts';
import { NoUsage } from './host-usage';
import type { HostUsage } from './host-usage';
import { QuietLog } from './quiet-log';
import { failureStatus } from './status';

const GROUP_VERSION = `${RESOURCE_METRICS.group}/${RESOURCE_METRICS.version}`;
const ROOT = `/apis/${GROUP_VERSION}`;

/** What the API needs. */
export interface ResourceMetricsApiOptions {
  readonly usage: HostUsage;
  readonly tenant: TenantObjects;
  /** The virtual cluster: it decides what a selector means. */
  readonly virtual: Pick<KubeClient, 'listAll'>;
  readonly logger: Logger;
}

/** A question about pods or nodes. */
interface Question {
  readonly kind: 'pods' | 'nodes';
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** An answer that is no metrics: the fields of a Status. */
class Failure extends Error {
  constructor(
    readonly code: 404 | 405 | 503,
    readonly reason: 'NotFound' | 'MethodNotAllowed' | 'ServiceUnavailable',
    message: string,
  ) {
    super(message);
  }
}

/**
 * The API metrics.k8s.io of the virtual cluster: what the tenant's pods use, from the host's metrics, under the tenant's names, and
 * of each virtual node the sum of those on it.
 *
 * It serves decrypted connections of the virtual API server alone, which proved itself with its certificate as a front proxy, and
 * which has asked RBAC about the very path already: as the path is all that counts here, there is nothing left to authorize.
 */
export class ResourceMetricsApi {
  readonly #options: ResourceMetricsApiOptions;
  readonly #server = createServer({ noDelay: true });
  readonly #failures = new QuietLog();

  constructor(options: ResourceMetricsApiOptions) {
    this.#options = options;
    // Longer than the API server keeps an idle connection (90 s).
    this.#server.keepAliveTimeout = 120_000;
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Serves a decrypted connection of the virtual API server. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const { code, body } = await this.#answer(request.method ?? '', request.url ?? '').catch((error: unknown) =>
      this.#failure(error),
    );
    if (response.destroyed) return;
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }

  async #answer(method: string, target: string): Promise<{ code: number; body: object }> {
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    if (method !== 'GET' || query.get('watch') === 'true' || query.get('watch') === '1') {
      throw new Failure(405, 'MethodNotAllowed', 'metrics can be read only, and not be watched');
    }
    if (path === ROOT) return { code: 200, body: DISCOVERY };
    const question = parseQuestion(path, query);
    if (question === undefined) {
      throw new Failure(404, 'NotFound', 'the server could not find the requested resource');
    }
    if (!this.#options.tenant.known) {
      throw new Failure(503, 'ServiceUnavailable', 'the syncer has not yet seen what runs; try again');
    }
    return { code: 200, body: question.kind === 'pods' ? await this.#pods(question) : await this.#nodes(question) };
  }

  async #pods(question: Question): Promise<object> {
    const { usage } = this.#options;
    const [measured, wanted] = await Promise.all([
      usage.measured(this.#placedPods(question)),
      this.#selected(resources.pods, question),
    ]);
    const items: PodMetrics[] = measured
      .map(({ metrics }) => metrics)
      .filter(({ metadata }) => wanted?.has(`${metadata?.namespace}/${metadata?.name}`) ?? true);
    return answerTo(question, 'PodMetrics', items);
  }

  #placedPods({ namespace, name }: Question): readonly PlacedPod[] {
    const { tenant } = this.#options;
    if (namespace !== undefined && name !== undefined) {
      const pod = tenant.placedPod(namespace, name);
      return pod === undefined ? [] : [pod];
    }
    const all = tenant.placedPods();
    return namespace === undefined ? all : all.filter(({ pod }) => pod.metadata?.namespace === namespace);
  }

  async #nodes(question: Question): Promise<object> {
    const { tenant, usage } = this.#options;
    const wanted = await this.#selected(resources.nodes, question);
    const asked = ({ metadata }: Node): boolean =>
      question.name === undefined ? (wanted?.has(`/${metadata?.name}`) ?? true) : metadata?.name === question.name;
    const items: NodeMetrics[] = [];
    for (const node of tenant.ownNodes().filter(asked)) {
      const measured = await usage.measured(tenant.placedPods(node.metadata?.name ?? ''));
      const metrics = nodeMetrics(
        node,
        measured.map((one) => one.metrics),
      );
      if (metrics !== undefined) items.push(metrics);
    }
    return answerTo(question, 'NodeMetrics', items);
  }

  /** Keys of the objects that the selectors of a question select; undefined where it has none. */
  async #selected(type: ResourceType, question: Question): Promise<ReadonlySet<string> | undefined> {
    const { namespace, labelSelector = '', fieldSelector = '' } = question;
    if (labelSelector === '' && fieldSelector === '') return undefined;
    const options = { namespace, labelSelector, fieldSelector, metadataOnly: true };
    const keys = new Set<string>();
    for await (const { items } of this.#options.virtual.listAll(type, options)) {
      for (const { metadata } of items) keys.add(`${metadata?.namespace ?? ''}/${metadata?.name}`);
    }
    return keys;
  }

  #failure(error: unknown): { code: number; body: object } {
    if (error instanceof Failure) return status(error.code, error.reason, error.message);
    // What the virtual API server says of a selector is for who wrote it.
    if (ApiError.is(error, 'BadRequest')) return status(400, 'BadRequest', error.serverMessage);
    const cause = error instanceof NoUsage ? error.cause : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    this.#failures.log(message, (suppressed) => {
      this.#options.logger.warn({ error: message, suppressed }, 'metrics cannot be had');
    });
    const answer = error instanceof NoUsage ? error.message : 'metrics cannot be had at the moment; try again';
    return status(503, 'ServiceUnavailable', answer);
  }
}

const isName = (segment: string): boolean =>
  segment.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(segment);

/** A path as a question; undefined where there is nothing at it. */
function parseQuestion(path: string, query: URLSearchParams): Question | undefined {
  if (!path.startsWith(`${ROOT}/`)) return undefined;
  const segments = path.slice(ROOT.length + 1).split('/');
  if (!segments.every(isName)) return undefined;
  const selectors = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  };
  const [first, second, third, fourth] = segments;
  if (first === 'nodes' && segments.length === 1) return { kind: 'nodes', ...selectors };
  if (first === 'nodes' && second !== undefined && segments.length === 2) return { kind: 'nodes', name: second };
  if (first === 'pods' && segments.length === 1) return { kind: 'pods', ...selectors };
  if (first !== 'namespaces' || second === undefined || third !== 'pods') return undefined;
  if (segments.length === 3) return { kind: 'pods', namespace: second, ...selectors };
  return fourth !== undefined && segments.length === 4 ? { kind: 'pods', namespace: second, name: fourth } : undefined;
}

/** The one object that was asked for, or a list. @throws Failure where there is none of that name */
function answerTo(
  { kind, namespace, name }: Question,
  itemKind: 'PodMetrics' | 'NodeMetrics',
  items: readonly (PodMetrics | NodeMetrics)[],
): object {
  if (name === undefined) return { kind: `${itemKind}List`, apiVersion: GROUP_VERSION, metadata: {}, items };
  const [item] = items;
  if (item === undefined) {
    const called = namespace === undefined ? name : `${namespace}/${name}`;
    throw new Failure(404, 'NotFound', `${kind}.${RESOURCE_METRICS.group} "${called}" not found: not measured yet`);
  }
  return { kind: itemKind, apiVersion: GROUP_VERSION, ...item };
}

function status(code: number, reason: string, message: string): { code: number; body: object } {
  return { code, body: failureStatus(code, reason, message) };
}

/** What the API has: the answer to `GET /apis/metrics.k8s.io/v1beta1`. */
const DISCOVERY = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: GROUP_VERSION,
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
  ],
};
