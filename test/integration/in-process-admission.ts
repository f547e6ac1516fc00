import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MutatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1';
import type { Service } from 'kubernetes-types/core/v1';
import { AdmissionServer, ServiceAdmission, ServiceRanges, WebhookGuard } from '../../syncer/admission';
import type { AdmissionHandler, ServiceAdmissionOptions } from '../../syncer/admission';
import { serviceWebhookWay } from '../../syncer/configuration';
import { createLogger } from '../../syncer/engine';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import {
  admissionConfiguration,
  POD_LAYOUT,
  serviceWebhook,
  STATIC_MANIFESTS,
} from '../../syncer/pki/api-server-configuration';
import { correctOwnService } from '../../syncer/own-service';
import type { KubernetesMinor } from '../host-cluster';
import { Authority } from '../host-cluster/certificates';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';

/** The syncer's admission of Services, in this process: listens before the virtual API server that asks it starts. */
export interface InProcessAdmission {
  /** Flags of the virtual API server. */
  readonly flags: readonly string[];
  /** From here on requests are answered; until then they wait. Resolves when the API server asks about every Service. */
  serve(virtual: KubeClient): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param ranges the virtual cluster's Service ranges
 * @param version of the virtual API server, which decides how it gets the webhook
 * @param shown what the platform calls the host's Services that tenants see
 */
export async function startAdmission(
  host: KubeClient,
  ranges: readonly string[],
  version: KubernetesMinor,
  shown: ServiceAdmissionOptions['shown'] = [],
): Promise<InProcessAdmission> {
  const directory = mkdtempSync(join(tmpdir(), 'nestling-admission-'));
  const logger = createLogger({ level: 'error', name: 'admission' });
  const anchor = await host.get(resources.configMaps, { name: `${NAME}-anchor`, namespace: HOST_NAMESPACE });
  const front = await host.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: HOST_NAMESPACE },
    spec: { ports: [{ port: 443, targetPort: 6443 }] },
  });
  let resolve: (admission: ServiceAdmission) => void = () => undefined;
  const served = new Promise<ServiceAdmission>((set) => (resolve = set));
  let guard: WebhookGuard | undefined;
  const review: AdmissionHandler = async (request, signal) => (await served).review(request, signal);
  const authority = new Authority('admission');
  const server = new AdmissionServer({
    port: 0,
    ...authority.issue({ commonName: 'admission', addresses: ['127.0.0.1'] }),
    path: 'secret',
    handlers: { services: (request, signal) => (guard?.watching(review) ?? review)(request, signal) },
    logger,
  });
  const layout = { ...POD_LAYOUT, apiServerDirectory: directory, admissionPort: await server.listen() };
  mkdirSync(join(directory, STATIC_MANIFESTS));
  const way = serviceWebhookWay(`${version}.0`);
  const webhook = serviceWebhook(layout, { path: 'secret', certificateAuthority: authority.pem.certificate }, way);
  if (way !== 'object') writeFileSync(join(directory, STATIC_MANIFESTS, 'service.yaml'), webhook);
  writeFileSync(join(directory, 'admission.yaml'), admissionConfiguration(layout, way));
  const stop = new AbortController();
  let guarding: Promise<void> | undefined;
  return {
    flags: [
      `--admission-control-config-file=${join(directory, 'admission.yaml')}`,
      ...(way === 'gatedManifest' ? ['--feature-gates=ManifestBasedAdmissionControlConfig=true'] : []),
    ],
    async serve(virtual) {
      resolve(
        new ServiceAdmission({
          identity: { name: NAME, hostNamespace: HOST_NAMESPACE },
          anchor: () => ({ name: `${NAME}-anchor`, uid: anchor.metadata?.uid ?? '' }),
          host,
          virtual,
          ranges: new ServiceRanges(virtual, ranges, logger),
          shown,
          logger,
        }),
      );
      if (way !== 'object') return;
      guard = new WebhookGuard({ virtual, wanted: JSON.parse(webhook) as MutatingWebhookConfiguration, logger });
      guarding = guard.run(stop.signal);
      await guard.inForce(stop.signal);
      await correctOwnService(virtual, front.spec?.clusterIP ?? '', stop.signal);
    },
    async stop() {
      stop.abort();
      await guarding;
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
