import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import * as services from '@pulumi/pulumi/proto/provider_grpc_pb';
import * as messages from '@pulumi/pulumi/proto/provider_pb';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb';
import { Status } from '@pulumi/pulumi/proto/status_pb';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { Struct, type JavaScriptValue } from 'google-protobuf/google/protobuf/struct_pb';
import { isDeepStrictEqual } from 'node:util';
import type { AnyObject } from '../../syncer/kube-client';
import { asItIs } from './drift';
import { connectionOf, kubeconfigText } from './kubeconfig';
import { NotReadyError, Objects } from './objects';
import { changedFields, replacedFor } from './replacement';

const { DiffResponse } = messages;
/** A map with this key is no map, but what its value says. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
/** What it says of a secret. */
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/**
 * Serves a provider for package `kubernetes` to Pulumi's engine, and tells it the port. It stands in for Pulumi's own, which is a download:
 * objects are really applied, awaited, read and deleted, and replaced for the fields that make Pulumi's replace them. It does not show
 * in previews what the API server would make of an object.
 */
export async function serve(version: string): Promise<void> {
  let objects: Objects | undefined;
  const cluster = (): Objects => {
    if (objects === undefined) throw new Error('the provider was not configured');
    return objects;
  };

  const implementation: UntypedServiceImplementation = {
    getPluginInfo: unary((_: Empty) => {
      const info = new PluginInfo();
      info.setVersion(version);
      return info;
    }),
    getSchema: unary((_: messages.GetSchemaRequest) => {
      const answer = new messages.GetSchemaResponse();
      answer.setSchema(JSON.stringify({ name: 'kubernetes', version }));
      return answer;
    }),
    cancel: unary((_: Empty) => new Empty()),

    checkConfig: unary((request: messages.CheckRequest) => {
      const answer = new messages.CheckResponse();
      answer.setInputs(request.getNews());
      return answer;
    }),
    // As upstream: another cluster means other objects, and an identifier says best whether it is another.
    diffConfig: unary((request: messages.DiffRequest) => {
      const old = plain(request.getOlds());
      const now = plain(request.getNews());
      const changed = changedFields(old, now);
      const identifier = 'clusterIdentifier';
      const isOther =
        old[identifier] !== undefined && now[identifier] !== undefined
          ? old[identifier] !== now[identifier]
          : !isDeepStrictEqual(serverOf(old), serverOf(now));
      return difference(changed, isOther ? changed : []);
    }),
    configure: unary((request: messages.ConfigureRequest) => {
      objects = new Objects(kubeconfigText(request.getVariablesMap().get('kubernetes:config:kubeconfig')));
      const answer = new messages.ConfigureResponse();
      answer.setAcceptsecrets(true);
      return answer;
    }),

    check: unary(async (request: messages.CheckRequest) => {
      const old = request.hasOlds() ? plain(request.getOlds()) : undefined;
      const name = request.getUrn().split('::')[3] ?? '';
      const answer = new messages.CheckResponse();
      answer.setInputs(struct(await cluster().completed(given(request.getNews()), old, name)));
      return answer;
    }),
    diff: unary((request: messages.DiffRequest) => {
      const old = plain(request.getOldInputs());
      const now = plain(request.getNews());
      return difference(changedFields(old, now), replacedFor(old, now));
    }),
    create: unary(async (request: messages.CreateRequest) => {
      const { id, object } = await cluster().apply(plain(request.getProperties()));
      const answer = new messages.CreateResponse();
      answer.setId(id);
      answer.setProperties(struct(marked(object, given(request.getProperties()))));
      return answer;
    }),
    update: unary(async (request: messages.UpdateRequest) => {
      const { object } = await cluster().apply(plain(request.getNews()));
      const answer = new messages.UpdateResponse();
      answer.setProperties(struct(marked(object, given(request.getNews()))));
      return answer;
    }),
    read: unary(async (request: messages.ReadRequest) => {
      const inputs = plain(request.getInputs());
      const known = { ...typeOf(request.getUrn()), ...inputs };
      const live = await cluster().read(request.getId(), known);
      const answer = new messages.ReadResponse();
      // Without an id: there is none.
      if (live === undefined) return answer;
      answer.setId(request.getId());
      const said = given(request.getInputs());
      answer.setProperties(struct(marked(live, said)));
      answer.setInputs(struct(marked(Object.keys(inputs).length === 0 ? live : asItIs(inputs, live), said)));
      return answer;
    }),
    delete: unary(async (request: messages.DeleteRequest) => {
      await cluster().delete(plain(request.getProperties()));
      return new Empty();
    }),
  };

  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(services.ResourceProviderService, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  process.stdout.write(`${port}\n`);
}

function unary<Request, Answer>(
  handle: (request: Request) => Answer | Promise<Answer>,
): handleUnaryCall<Request, Answer> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(handle)
      .then(
        (answer) => callback(null, answer),
        (error: unknown) => callback(failure(error), null),
      );
  };
}

/** An error as the engine reads it: with the object where there is one, which it then keeps in its state. */
function failure(error: unknown): Partial<ServiceError> {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new Metadata();
  if (error instanceof NotReadyError) {
    const detail = new messages.ErrorResourceInitFailed();
    detail.setId(error.id);
    detail.setProperties(struct(marked(error.object, {})));
    detail.setReasonsList([message]);
    const packed = new Any();
    packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
    const whole = new Status();
    whole.setCode(status.UNKNOWN);
    whole.setMessage(message);
    whole.addDetails(packed);
    metadata.add('grpc-status-details-bin', Buffer.from(whole.serializeBinary()));
  }
  return { code: status.UNKNOWN, details: message, message, metadata };
}

function difference(changed: readonly string[], replaces: readonly string[]): messages.DiffResponse {
  const answer = new DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = DiffResponse.DiffChanges;
  answer.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  answer.setDiffsList([...changed]);
  answer.setReplacesList([...replaces]);
  // Two objects cannot have one name.
  answer.setDeletebeforereplace(!replaces.some((field) => field === 'metadata.name' || field === 'metadata.namespace'));
  return answer;
}

/** The server of a kubeconfig among the provider's settings. */
function serverOf(settings: AnyObject): string {
  const { kubeconfig } = settings as { kubeconfig?: string };
  return connectionOf(kubeconfigText(kubeconfig)).server;
}

/** API version and kind from a URN such as `…::kubernetes:core/v1:Secret::name`. */
function typeOf(urn: string): { apiVersion: string; kind: string } {
  const [, version = '', kind = ''] = urn.split('::')[2]?.split('$').at(-1)?.split(':') ?? [];
  return { apiVersion: version.replace(/^core\//, ''), kind };
}

function struct(object: AnyObject): Struct {
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(object)) as Record<string, JavaScriptValue>);
}

/** What the engine sends, with secrets marked. */
function given(value: Struct | undefined): AnyObject {
  return (value?.toJavaScript() ?? {}) as AnyObject;
}

/** What the engine sends, as the API server takes it. */
function plain(value: Struct | undefined): AnyObject {
  return withoutMarks(given(value)) as AnyObject;
}

/** As upstream: what Secrets hold is secret, whoever wrote it, and so is what was a secret when it was given. */
function marked(object: AnyObject, said: AnyObject): AnyObject {
  const isHidden = (key: string): boolean =>
    object.kind === 'Secret'
      ? key === 'data' || key === 'stringData'
      : JSON.stringify(said[key] ?? '').includes(SECRET);
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, isHidden(key) ? { [SIGNATURE]: SECRET, value } : value]),
  );
}

function withoutMarks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMarks);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (SIGNATURE in value) return withoutMarks((value as { value?: unknown }).value);
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutMarks(one)]));
}
