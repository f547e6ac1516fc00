import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Secret } from 'kubernetes-types/core/v1';
import { type KubeClient, resources } from '../kube-client';
import {
  memberOrdinals,
  type Membership,
  membershipOf,
  memberStart,
  requestData,
  SecondStoreError,
  type VolumeState,
} from './membership';

/** Milliseconds between two looks while a member waits to be let in: at the host, by the init container, which nothing else waits for. */
const LOOK_MS = 500;
/** Looks after which the log says again what is waited for. */
const TOLD_EVERY = 60;

/** What a member is prepared with. */
export interface JoinOptions {
  /** Client of the host. */
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly namespace: string;
  /** Secret NAME-certs. */
  readonly secretName: string;
  /** This pod's ordinal. */
  readonly ordinal: number;
  /** Where the member of a pod is found. */
  readonly peerURL: (ordinal: number) => string;
  /** Name of a pod's member. */
  readonly memberName: (ordinal: number) => string;
  /** This pod's address, for others to connect to. */
  readonly podIP: string;
  /** Port for other members. */
  readonly peerPort: number;
  /** Settings that all members share; `data-dir` is where etcd has its data, on the volume. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly logger: { info(fields: object, message: string): void };
  readonly signal?: AbortSignal;
}

/**
 * Prepares a member of the store: waits until it may start, makes room where it begins with nothing, and says what etcd starts with.
 * What is on a volume is removed only after the store has let a new member in in its place.
 *
 * @returns the content of etcd's configuration file
 */
export async function joinStore(options: JoinOptions): Promise<string> {
  const { ordinal, settings } = options;
  const data = String(settings['data-dir']);
  const volume = await volumeState(data);
  const membership = await readMembership(options);
  const start = memberStart({ ordinal, ...volume }, membership);
  if (start === 'continue' && volume.ticket !== undefined) {
    return configuration(options, memberOrdinals(membership), 'existing');
  }
  // The first one: of a store that is there it goes on with the log.
  if (start !== 'ask') return configuration(options, [ordinal], 'new');
  const wanted = pendingRequest(membership, ordinal) ?? randomBytes(12).toString('hex');
  const members = await letIn(options, wanted);
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true, mode: 0o700 });
  await replace(ticketFile(data), wanted);
  return configuration(options, members, 'existing');
}

/** What {@link mayBeAlone} looks at. */
export type LoneMemberOptions = Pick<JoinOptions, 'client' | 'namespace' | 'secretName' | 'signal'> & {
  /** Where etcd has its data, on the volume of the first pod. */
  readonly dataDirectory: string;
};

/**
 * Before a single replica starts etcd: makes sure that it founds no second, empty store while members of a former one, with what it held, are
 * on other volumes.
 *
 * @throws SecondStoreError when it would
 */
export async function mayBeAlone({ dataDirectory, ...options }: LoneMemberOptions): Promise<void> {
  const membership = await readMembership(options);
  const others = memberOrdinals(membership).filter((ordinal) => ordinal !== 0);
  if (others.length === 0) return;
  const volume = { ordinal: 0, ...(await volumeState(dataDirectory)) };
  if (memberStart(volume, membership) === 'ask') throw new SecondStoreError(others, false);
}

/** A ticket that this pod has asked with and was not let in yet. */
function pendingRequest({ requests, tickets }: Membership, ordinal: number): string | undefined {
  const request = requests.get(ordinal);
  return request === tickets.get(ordinal) ? undefined : request;
}

/** Asks, and waits until the store has let this member in. @returns the ordinals of all members */
async function letIn(options: JoinOptions, ticket: string): Promise<readonly number[]> {
  const { client, logger, namespace, ordinal, secretName, signal } = options;
  const place = { namespace, name: secretName, signal };
  for (let look = 0; ; look++) {
    const membership = await readMembership(options);
    if (membership.tickets.get(ordinal) === ticket) return memberOrdinals(membership);
    // Again where it is void by now, as this member was sent away: the ticket is on no volume yet.
    if (membership.requests.get(ordinal) !== ticket) {
      await client.patch(resources.secrets, { ...place, type: 'merge' }, { data: requestData(ordinal, ticket) });
    }
    if (look % TOLD_EVERY === 0) {
      const message = 'waiting until the other members let this one into the store; a majority of them has to run';
      logger.info({ member: ordinal }, message);
    }
    await sleep(LOOK_MS, undefined, signal ? { signal } : {});
  }
}

async function readMembership({
  client,
  namespace,
  secretName,
  signal,
}: Pick<JoinOptions, 'client' | 'namespace' | 'secretName' | 'signal'>): Promise<Membership> {
  const secret = await client.get<Secret>(resources.secrets, { namespace, name: secretName, signal });
  return membershipOf(secret.data);
}

/** etcd's configuration file: JSON, which is YAML. Once there are data, etcd takes the members from those. */
function configuration(
  { memberName, ordinal, peerPort, peerURL, podIP, settings }: JoinOptions,
  members: readonly number[],
  state: 'new' | 'existing',
): string {
  const address = podIP.includes(':') ? `[${podIP}]` : podIP;
  return `${JSON.stringify(
    {
      ...settings,
      name: memberName(ordinal),
      'listen-peer-urls': `https://${address}:${peerPort}`,
      'initial-advertise-peer-urls': peerURL(ordinal),
      'initial-cluster': members.map((member) => `${memberName(member)}=${peerURL(member)}`).join(','),
      'initial-cluster-state': state,
    },
    undefined,
    2,
  )}\n`;
}

const ticketFile = (data: string): string => join(data, '..', 'ticket');

async function volumeState(data: string): Promise<Omit<VolumeState, 'ordinal'>> {
  return { hasData: await hasLog(join(data, 'member', 'wal')), ticket: await read(ticketFile(data)) };
}

/** Whether etcd goes on with what is there, as it decides itself. */
async function hasLog(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).some((name) => name.endsWith('.wal'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function replace(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o640 });
  await rename(`${path}.new`, path);
}
