/** Every version of Kubernetes that a virtual cluster can run, oldest first: those that the tests of this release ran. */
export const KUBERNETES_VERSIONS = ['1.35.4', '1.36.3', '1.37.2'] as const;

/**
 * How the API server is made to ask the syncer about every Service:
 * - `manifest`: by a file, which is part of Kubernetes from 1.37 on (KEP-5793, `ManifestBasedAdmissionControlConfig`);
 * - `gatedManifest`: by a file, once its feature gate is on;
 * - `object`: by a MutatingWebhookConfiguration, which the syncer makes and guards.
 */
export type ServiceWebhookWay = 'manifest' | 'gatedManifest' | 'object';

/** Number of the minor: 37 of `1.37.2`. */
function minorOf(version: string): number {
  return Number(/^v?1\.(\d+)(\.|$)/.exec(version)?.[1]);
}

/** How an API server of a version gets the Service webhook. */
export function serviceWebhookWay(version: string): ServiceWebhookWay {
  const minor = minorOf(version);
  if (minor >= 37) return 'manifest';
  return minor === 36 ? 'gatedManifest' : 'object';
}

/**
 * What is wrong with the version of a virtual cluster.
 *
 * @returns a sentence with the remedy, or undefined for one that this release runs
 */
export function kubernetesVersionProblem(version: string): string | undefined {
  return (KUBERNETES_VERSIONS as readonly string[]).includes(version)
    ? undefined
    : `is not a version that this release runs: choose one of ${KUBERNETES_VERSIONS.join(', ')}`;
}

/** A minor of the host and one of the virtual cluster. */
export interface KubernetesPair {
  readonly host: string;
  readonly virtual: string;
}

/**
 * Hosts that virtual clusters run on. API servers of the same cluster may be one minor apart (Kubernetes' version skew policy); what a
 * syncer translates between two clusters no policy says. So these are the pairs that the tests of this release ran between: for each that is
 * here `npm run test:versions` starts a host and a virtual cluster, but for the newest twice, which all other suites have.
 */
export const KUBERNETES_PAIRS: readonly KubernetesPair[] = [
  { host: '1.35', virtual: '1.37' },
  { host: '1.37', virtual: '1.35' },
  { host: '1.36', virtual: '1.37' },
  { host: '1.37', virtual: '1.36' },
  { host: '1.35', virtual: '1.36' },
  { host: '1.36', virtual: '1.35' },
  { host: '1.35', virtual: '1.35' },
  { host: '1.36', virtual: '1.36' },
  { host: '1.37', virtual: '1.37' },
];

/**
 * What stands against a virtual cluster of a version on a host.
 *
 * @param hostVersion the host's minor, such as `1.36`, or what `kubectl version` says of its server
 * @param version of the virtual cluster, such as `1.37.2`
 * @param pairs what was tested
 * @returns a sentence with the remedy, or undefined where nothing does
 */
export function hostVersionProblem(
  hostVersion: string,
  version: string,
  pairs: readonly KubernetesPair[] = KUBERNETES_PAIRS,
): string | undefined {
  const hosts = [...new Set(pairs.map(({ host }) => host))].sort(byMinor);
  const minor = /^v?(\d+\.\d+)(?:[.+-].*)?$/.exec(hostVersion)?.[1];
  if (minor === undefined) return `is no version of Kubernetes: write its minor, such as ${hosts.at(-1)}`;
  const virtual = version.split('.').slice(0, 2).join('.');
  if (pairs.some((pair) => pair.host === minor && pair.virtual === virtual)) return undefined;
  const on = pairs.filter(({ host }) => host === minor).map((pair) => pair.virtual);
  const of = pairs.filter((pair) => pair.virtual === virtual).map(({ host }) => host);
  const others = [
    ...(on.length > 0 ? [`set version to one of ${on.sort(byMinor).join(', ')}`] : []),
    ...(of.length > 0 ? [`use a host of ${of.sort(byMinor).join(', ')}`] : []),
    'leave this out to go without the test',
  ];
  return `is no host that virtual clusters of ${virtual} are tested on: ${others.join(', or ')}`;
}

const byMinor = (one: string, other: string): number => minorOf(one) - minorOf(other);

/**
 * What stands against running a version on what another one has stored. Kubernetes goes up one minor at a time and never down: a minor
 * may store objects in a form that the one before it, or the one after the next, does not read (version skew policy).
 *
 * @param stored version that ran last
 * @param wanted version that is to run
 * @returns a sentence with the remedy, or undefined where nothing does
 */
export function upgradeProblem(stored: string, wanted: string): string | undefined {
  const [from, to] = [minorOf(stored), minorOf(wanted)];
  if (to === from || to === from + 1) return undefined;
  if (to < from) {
    return (
      `is older than ${stored}, which has run here: what Kubernetes has stored, an older minor may not read; ` +
      `set version to ${stored} or a newer one, or restore a backup that was made with ${wanted} into a new virtual cluster`
    );
  }
  const steps = KUBERNETES_VERSIONS.filter((version) => minorOf(version) > from && minorOf(version) < to);
  const plan = steps.length === to - from - 1 ? `: first to ${steps.join(', then to ')}, then to ${wanted}` : '';
  const release = plan === '' ? ', the missing ones with an earlier release of Nestling' : '';
  return `skips minors after ${stored}, which has run here: go up one minor at a time${release}${plan}`;
}

/**
 * What stands against a version, which could follow with one replica, where there are several: they are renewed one after the other. API
 * servers whose Service webhook is an object need it, and those that read it from a file must not have it.
 *
 * @returns a sentence with the remedy, or undefined where nothing does
 */
export function rollingUpgradeProblem(stored: string, wanted: string, replicas: number): string | undefined {
  const isObject = (version: string): boolean => serviceWebhookWay(version) === 'object';
  if (replicas === 1 || isObject(stored) === isObject(wanted)) return undefined;
  return `cannot follow ${stored} with ${replicas} replicas: set replicas to 1, then version to ${wanted}, then replicas to ${replicas} again`;
}
