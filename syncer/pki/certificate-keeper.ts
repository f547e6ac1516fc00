import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncerConfiguration } from '../configuration';
import type { KubeClient } from '../kube-client';
import type { ApiServerAddresses } from './api-server-addresses';
import { type PodLayout, POD_LAYOUT } from './api-server-configuration';
import type { KeyPair } from './certificate';
import { AUTHORITY_FILES, controlPlaneFiles } from './control-plane-files';
import { listed } from './initialise';
import { keptMaterial } from './kept-material';
import type { Material } from './material';
import { apiServerLeaf, AUTHORITIES, type LeafPlan, sharedLeafs } from './plan';
import { atLeast, dueAt, type Lifetimes, lifetimesOf, whyIssue } from './renewal';
import { writeFiles } from './write-files';

/** First and longest pause after a failure, in milliseconds. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Longest time that a timer of Node.js can be set for is 24 days. */
const LONGEST_TIMER_MS = 86_400_000;

/** What the keeper works with. */
export interface CertificateKeeperOptions {
  readonly configuration: SyncerConfiguration;
  /** Client of the host. */
  readonly client: KubeClient;
  /** Host namespace. */
  readonly namespace: string;
  /** Addresses of this pod, joined by commas. */
  readonly podIP: string;
  /** Folder with the containers' folders, as the init container wrote them. */
  readonly directory: string;
  readonly logger: KeeperLogger;
  /** Places inside the pod that the files name. @default those of the control-plane pod */
  readonly layout?: Partial<PodLayout>;
  /** How long certificates live. @default as the configuration says */
  readonly lifetimes?: Lifetimes;
  /** @default the clock */
  readonly now?: () => Date;
}

/** Where the keeper tells what it does; a pino logger is one. */
export interface KeeperLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What the syncer uses itself of what is kept. */
export interface KeptCredentials {
  /** PEM of the virtual cluster's authority. */
  readonly ca: string;
  /** The syncer as a client of the virtual API server. */
  readonly client: KeyPair;
  /** The virtual cluster's administrator. */
  readonly admin: KeyPair;
  /** Serving certificate of the admission webhooks. */
  readonly admission: KeyPair;
  /** The syncer as a client of the store. */
  readonly store: KeyPair;
}

/**
 * Keeps the certificates of one pod of the control plane valid while it runs: it renews what is due, in the Secret and in
 * the files that the programs read again, and issues the API server's serving certificate anew when host Service NAME gets
 * an address that it does not name. It sleeps until then: no request is made in between.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #lifetimes: Lifetimes;
  readonly #leafs: readonly LeafPlan[];
  readonly #now: () => Date;
  readonly #listeners = new Set<(credentials: KeptCredentials) => void>();
  #addresses: ApiServerAddresses | undefined;
  #wake: (() => void) | undefined;
  #awake = true;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#lifetimes = options.lifetimes ?? lifetimesOf(options.configuration.certificates.lifetimeSeconds * 1000);
    this.#leafs = sharedLeafs(options.configuration, options.namespace);
    this.#now = options.now ?? (() => new Date());
  }

  /** Tells where the API server is reached now; its serving certificate names it soon. */
  reachedAt(addresses: ApiServerAddresses): void {
    if (JSON.stringify(addresses) === JSON.stringify(this.#addresses)) return;
    this.#addresses = addresses;
    this.#awake = true;
    this.#wake?.();
  }

  /** Calls back, with what holds then, whenever something was renewed. */
  onRenewal(listener: (credentials: KeptCredentials) => void): void {
    this.#listeners.add(listener);
  }

  /** Keeps until the signal aborts. Failures are logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.#awake = false;
      let wakeAt: number;
      try {
        wakeAt = (await this.#keep(signal)).getTime();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.warn({ err: error }, 'certificates cannot be renewed; trying again');
        wakeAt = this.#now().getTime() + Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS);
      }
      await this.#sleepUntil(wakeAt, signal);
    }
  }

  /** Renews what is due. @returns when the next certificate is */
  async #keep(signal: AbortSignal): Promise<Date> {
    const { client, configuration, directory, logger, namespace } = this.#options;
    const now = this.#now();
    const place = { client, namespace, clusterName: configuration.virtualCluster.name, signal };
    const material = await keptMaterial(place, async (kept) => {
      await this.#refuseOtherAuthorities(kept);
      kept.complete(now, this.#lifetimes, this.#leafs);
    });
    const serving = await this.#serving(material, now);
    const layout = { ...POD_LAYOUT, ...this.#options.layout };
    const files = controlPlaneFiles(material, serving.pair, layout, configuration);
    const changed = await this.#changed(files, [serving.pair, ...this.#leafs.map(({ name }) => material.pair(name))]);
    if (changed.size > 0) {
      await writeFiles(directory, changed);
      const reasons = [...material.reasons, ...(serving.reason === undefined ? [] : [`apiserver: ${serving.reason}`])];
      logger.info({ reasons, files: [...changed.keys()] }, 'certificates were renewed');
      const credentials = {
        ca: material.get('ca.crt'),
        client: material.pair('syncer'),
        admin: material.pair('admin'),
        admission: material.pair('admission'),
        store: material.pair('etcd-client'),
      };
      for (const listener of this.#listeners) listener(credentials);
    }
    return this.#nextDue(material, serving.pair);
  }

  /** The API server's serving certificate: the one that is there, or another one with the reason. */
  async #serving(material: Material, now: Date): Promise<{ pair: KeyPair; reason: string | undefined }> {
    const { configuration, namespace, podIP } = this.#options;
    const [certificate, key] = await Promise.all([
      this.#read('kube-apiserver/server.crt'),
      this.#read('kube-apiserver/server.key'),
    ]);
    const { serviceIPs, outside } = this.#addresses ?? { serviceIPs: [], outside: [] };
    const leaf = apiServerLeaf({ configuration, namespace, podIPs: listed(podIP), serviceIPs, outside });
    const authority = new X509Certificate(material.get(`${leaf.authority}.crt`));
    const reason = whyIssue({ certificate, key }, leaf.request, authority, now, this.#lifetimes);
    if (reason === undefined) return { pair: { certificate: certificate!, key: key! }, reason };
    return { pair: material.issue(leaf, now, this.#lifetimes), reason };
  }

  /**
   * Who runs trusts the authorities that it was started with, and most read them once: with others in the Secret, new
   * certificates would cut all of them off from one another.
   *
   * @throws Error naming the authority and the remedy
   */
  async #refuseOtherAuthorities(material: Material): Promise<void> {
    for (const name of AUTHORITIES) {
      const path = AUTHORITY_FILES[name];
      if (path === undefined || (await this.#read(path)) === material.find(`${name}.crt`)) continue;
      const { configuration, namespace } = this.#options;
      const clusterName = configuration.virtualCluster.name;
      throw new Error(
        `the authority ${name}.crt in Secret ${clusterName}-certs in namespace ${namespace} is not the one that the control ` +
          `plane runs with; restart the control plane (kubectl -n ${namespace} rollout restart statefulset ${clusterName})`,
      );
    }
  }

  /** Files of these that hold something else. What else is in files is read once, when the programs start. */
  async #changed(files: ReadonlyMap<string, string>, pairs: readonly KeyPair[]): Promise<Map<string, string>> {
    const renewable = new Set(pairs.flatMap(({ certificate, key }) => [certificate, key]));
    const changed = new Map<string, string>();
    for (const [path, content] of files) {
      if (renewable.has(content) && (await this.#read(path)) !== content) changed.set(path, content);
    }
    return changed;
  }

  #nextDue(material: Material, serving: KeyPair): Date {
    const due = this.#leafs.map((leaf) => {
      const { leastLifeMs } = leaf;
      const authorityEnds = new X509Certificate(material.get(`${leaf.authority}.crt`)).validToDate;
      return this.#due(material.get(`${leaf.name}.crt`), authorityEnds, atLeast(this.#lifetimes, leastLifeMs));
    });
    const authorityEnds = new X509Certificate(material.get('ca.crt')).validToDate;
    return new Date(Math.min(...due, this.#due(serving.certificate, authorityEnds, this.#lifetimes)));
  }

  /** What ends with its authority is never due: it would not live longer if it were new. */
  #due(certificate: string, authorityEnds: Date, lifetimes: Lifetimes): number {
    if (new X509Certificate(certificate).validToDate >= authorityEnds) return authorityEnds.getTime();
    return dueAt(certificate, lifetimes).getTime();
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#options.directory, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #sleepUntil(moment: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const left = moment - this.#now().getTime();
      if (left <= 0 || this.#awake || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, LONGEST_TIMER_MS));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', this.#wake, { once: true });
      });
      if (this.#wake) signal.removeEventListener('abort', this.#wake);
      this.#wake = undefined;
    }
  }
}
