import type { Pod } from 'kubernetes-types/core/v1';
import { buildImages } from '../../images';
import type { Host } from '../host-cluster';
import { resolveBinaries } from '../host-cluster';
import { eventually, exec } from '../virtual-cluster';

/** The program of Kubernetes' own tests of networks: a server that tells its name, and a client that tells what became of a packet. */
export const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost:2.66.1';
/** The ports that {@link trafficPod} listens on. */
export const PORTS = { http: 8080, metrics: 9090, udp: 5353 } as const;

/** Brings the image of {@link trafficPod} to a host that takes images. */
export async function provideAgnhost(host: Host): Promise<void> {
  if (!host.canImportImages) return;
  const binaries = async () => (await resolveBinaries(['agnhost'], () => undefined)).agnhost;
  for (const { archive } of await buildImages({ binaries, names: ['agnhost'], log: () => undefined })) {
    await host.importImage(archive);
  }
}

/** A pod that answers on all {@link PORTS}, under the names `http`, `metrics` and `udp`, and from which packets can be sent. */
export function trafficPod(namespace: string, name: string, labels: Record<string, string> = {}, node?: string): Pod {
  const port = (of: keyof typeof PORTS, protocol = 'TCP') => ({ name: of, containerPort: PORTS[of], protocol });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name, ...labels } },
    spec: {
      ...(node !== undefined && { nodeSelector: { 'kubernetes.io/hostname': node } }),
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image: AGNHOST,
          args: ['netexec', `--http-port=${PORTS.http}`, `--udp-port=${PORTS.udp}`],
          ports: [port('http'), port('udp', 'UDP')],
          // What the node itself asks of its pods passes whatever the policies say.
          readinessProbe: { httpGet: { path: '/', port: PORTS.http }, periodSeconds: 1, failureThreshold: 1 },
        },
        {
          name: 'metrics',
          image: AGNHOST,
          args: ['netexec', `--http-port=${PORTS.metrics}`, '--udp-port=-1'],
          ports: [port('metrics')],
        },
      ],
    },
  };
}

/** Where packets are sent to. */
export interface Target {
  /** An address or a name. */
  readonly host: string;
  readonly port: number;
  /** @default 'tcp' */
  readonly protocol?: 'tcp' | 'udp';
}

/** How long a packet's answer is waited for. */
const TIMEOUT = '1s';

/**
 * Sends packets from a pod.
 *
 * @returns `open` when there was an answer, `dropped` when there was none
 * @throws Error for anything else, such as a port that nobody listens on
 */
export async function send(
  kubeconfigPath: string,
  from: { namespace: string; pod: string },
  { host, port, protocol = 'tcp' }: Target,
): Promise<'open' | 'dropped'> {
  const command = ['/agnhost', 'connect', `${host}:${port}`, `--timeout=${TIMEOUT}`, `--protocol=${protocol}`];
  const { exitCode, stderr } = await exec(kubeconfigPath, { ...from, container: 'main' }, command);
  if (exitCode === 0) return 'open';
  if (stderr.startsWith('TIMEOUT')) return 'dropped';
  throw new Error(`${command.join(' ')} in ${from.namespace}/${from.pod}: ${stderr}`);
}

/** Waits until packets from a pod to a target are let through or dropped, as expected. */
export async function expectTraffic(
  kubeconfigPath: string,
  from: { namespace: string; pod: string },
  target: Target,
  expected: 'open' | 'dropped',
): Promise<void> {
  const what = `${target.protocol ?? 'tcp'} from ${from.namespace}/${from.pod} to ${target.host}:${target.port} is ${expected}`;
  await eventually(what, async () => (await send(kubeconfigPath, from, target)) === expected);
}
