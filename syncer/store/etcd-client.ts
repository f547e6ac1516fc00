import { Agent, request } from 'node:https';

/** Longest answer that is read, in bytes: all of them are short. */
const ANSWER_LIMIT_BYTES = 1024 * 1024;
/** Longest time that a call other than a defragmentation may take, in ms. */
const CALL_MS = 10_000;
/** Longest time of a defragmentation, in ms: it copies the whole database, which has at most some gigabytes. */
const DEFRAGMENT_MS = 300_000;

/** How to reach one member of etcd. */
export interface EtcdConnection {
  /** Such as `https://127.0.0.1:2379`. */
  readonly url: string;
  /** PEM of the authority of the member's certificate. */
  readonly certificateAuthority: string;
  /** PEM of the client's certificate. */
  readonly certificate: string;
  /** PEM of its key. */
  readonly key: string;
}

/** What a member of etcd says of itself. */
export interface EtcdStatus {
  /** Latest revision: it counts every write. */
  readonly revision: number;
  /** Identifies the member in alarms. */
  readonly memberID: string;
  /** Bytes of the database file. */
  readonly sizeBytes: number;
  /** Bytes of it that hold something. */
  readonly inUseBytes: number;
  /** Most bytes that the file may have. */
  readonly quotaBytes: number;
  /** Whether the member takes no writes as its quota is used up. */
  readonly outOfSpace: boolean;
}

/** A member of etcd, as all of them know it. */
export interface EtcdMember {
  /** 64 bits, as decimal text. */
  readonly id: string;
  /** Empty until it has started. */
  readonly name: string;
  readonly peerURLs: readonly string[];
  /** It gets everything and decides nothing. */
  readonly isLearner: boolean;
}

/** The answer of etcd to a call that failed. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
}

/**
 * The maintenance of one member of etcd, and the members of all, through its JSON gateway (etcd's documentation, "gRPC gateway"). Numbers of 64 bits are text
 * there.
 */
export class EtcdClient {
  readonly #connection: EtcdConnection;
  #agent: Agent;

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
    this.#agent = this.#agentWith(connection);
  }

  /** Goes on with another certificate; a call that is under way ends on its connection. */
  renew(credentials: Pick<EtcdConnection, 'certificate' | 'key'>): void {
    const old = this.#agent;
    this.#agent = this.#agentWith(credentials);
    old.maxFreeSockets = 0;
    for (const sockets of Object.values(old.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  #agentWith({ certificate, key }: Pick<EtcdConnection, 'certificate' | 'key'>): Agent {
    const { certificateAuthority } = this.#connection;
    return new Agent({ keepAlive: true, maxSockets: 1, ca: certificateAuthority, cert: certificate, key });
  }

  /** @throws EtcdError, or Error when the member cannot be reached */
  async status(signal?: AbortSignal): Promise<EtcdStatus> {
    const [status, alarms] = await Promise.all([
      this.#call('maintenance/status', {}, CALL_MS, signal),
      this.#call('maintenance/alarm', { action: 'GET' }, CALL_MS, signal),
    ]);
    const header = (status['header'] ?? {}) as Record<string, unknown>;
    const raised = (alarms['alarms'] ?? []) as readonly Record<string, unknown>[];
    return {
      revision: Number(header['revision'] ?? 0),
      memberID: text(header['member_id']),
      sizeBytes: Number(status['dbSize'] ?? 0),
      inUseBytes: Number(status['dbSizeInUse'] ?? 0),
      quotaBytes: Number(status['dbSizeQuota'] ?? 0),
      outOfSpace: raised.some(({ alarm }) => alarm === 'NOSPACE'),
    };
  }

  /** Forgets all states before a revision. */
  async compact(revision: number, signal?: AbortSignal): Promise<void> {
    await this.#call('kv/compaction', { revision: String(revision), physical: true }, DEFRAGMENT_MS, signal);
  }

  /** Writes the database anew, without what is not in use. The member answers nobody meanwhile. */
  async defragment(signal?: AbortSignal): Promise<void> {
    await this.#call('maintenance/defragment', {}, DEFRAGMENT_MS, signal);
  }

  /** Takes writes again. */
  async disarm(memberID: string, signal?: AbortSignal): Promise<void> {
    await this.#call('maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' }, CALL_MS, signal);
  }

  /** All members, as a majority of them knows. @throws EtcdError also when there is no majority */
  async members(signal?: AbortSignal): Promise<readonly EtcdMember[]> {
    const answer = await this.#call('cluster/member/list', { linearizable: true }, CALL_MS, signal);
    return ((answer['members'] ?? []) as readonly Record<string, unknown>[]).map(memberOf);
  }

  /** Lets a member in that is to get everything, and counts in no majority. @returns its id */
  async addLearner(peerURL: string, signal?: AbortSignal): Promise<string> {
    const answer = await this.#call('cluster/member/add', { peerURLs: [peerURL], isLearner: true }, CALL_MS, signal);
    return memberOf((answer['member'] ?? {}) as Record<string, unknown>).id;
  }

  /** Makes a learner a full member. @throws EtcdError also while it has not got everything yet */
  async promote(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('cluster/member/promote', { ID: id }, CALL_MS, signal);
  }

  /** Sends a member away for good. @throws EtcdError also when those left would be no majority */
  async removeMember(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('cluster/member/remove', { ID: id }, CALL_MS, signal);
  }

  /** Changes where the others find a member. */
  async moveMember(id: string, peerURL: string, signal?: AbortSignal): Promise<void> {
    await this.#call('cluster/member/update', { ID: id, peerURLs: [peerURL] }, CALL_MS, signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(path: string, body: object, timeoutMs: number, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const limit = AbortSignal.timeout(timeoutMs);
    const options = {
      method: 'POST',
      agent: this.#agent,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      headers: { 'content-type': 'application/json' },
    };
    return new Promise((resolve, reject) => {
      const call = request(`${this.#connection.url}/v3/${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > ANSWER_LIMIT_BYTES) response.destroy(new EtcdError(`etcd ${path}: the answer is too long`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode !== 200) {
            reject(new EtcdError(`etcd ${path}: HTTP ${response.statusCode}: ${answer.slice(0, 500)}`));
            return;
          }
          try {
            resolve(JSON.parse(answer) as Record<string, unknown>);
          } catch (error) {
            reject(new EtcdError(`etcd ${path}: the answer is no JSON`, { cause: error }));
          }
        });
      });
      call.on('error', reject);
      call.end(JSON.stringify(body));
    });
  }
}

function memberOf(member: Record<string, unknown>): EtcdMember {
  const peerURLs = (member['peerURLs'] ?? []) as readonly string[];
  return { id: text(member['ID']), name: text(member['name']), peerURLs, isLearner: member['isLearner'] === true };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
