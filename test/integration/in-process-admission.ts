import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdmissionServer, ServiceAdmission, ServiceRanges } from '../../syncer/admission';
import { createLogger } from '../../syncer/engine';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import {
  admissionConfiguration,
  POD_LAYOUT,
  serviceWebhook,
  STATIC_MANIFESTS,
} from '../../syncer/pki/api-server-configuration';
import { Authority } from '../host-cluster/certificates';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';

/** The syncer's admission of Services, in this process: listens before the virtual API server that asks it starts. */
export interface InProcessAdmission {
  /** Flags of the virtual API server. */
  readonly flags: readonly string[];
  /** From here on requests are answered; until then they wait. */
  serve(virtual: KubeClient): void;
  stop(): Promise<void>;
}

/** @param ranges the virtual cluster's Service ranges */
export async function startAdmission(host: KubeClient, ranges: readonly string[]): Promise<InProcessAdmission> {
  const directory = mkdtempSync(join(tmpdir(), 'nestling-admission-'));
  const logger = createLogger({ level: 'error', name: 'admission' });
  const anchor = await host.get(resources.configMaps, { name: `${NAME}-anchor`, namespace: HOST_NAMESPACE });
  await host.create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: HOST_NAMESPACE },
    spec: { ports: [{ port: 443, targetPort: 6443 }] },
  });
  let resolve: (admission: ServiceAdmission) => void = () => undefined;
  const served = new Promise<ServiceAdmission>((set) => (resolve = set));
  const authority = new Authority('admission');
  const server = new AdmissionServer({
    port: 0,
    ...authority.issue({ commonName: 'admission', addresses: ['127.0.0.1'] }),
    path: 'secret',
    handlers: { services: async (request, signal) => (await served).review(request, signal) },
    logger,
  });
  const layout = { ...POD_LAYOUT, apiServerDirectory: directory, admissionPort: await server.listen() };
  mkdirSync(join(directory, STATIC_MANIFESTS));
  const webhook = serviceWebhook(layout, { path: 'secret', certificateAuthority: authority.pem.certificate });
  writeFileSync(join(directory, STATIC_MANIFESTS, 'service.yaml'), webhook);
  writeFileSync(join(directory, 'admission.yaml'), admissionConfiguration(layout));
  return {
    flags: [`--admission-control-config-file=${join(directory, 'admission.yaml')}`],
    serve: (virtual) =>
      resolve(
        new ServiceAdmission({
          identity: { name: NAME, hostNamespace: HOST_NAMESPACE },
          anchor: () => ({ name: `${NAME}-anchor`, uid: anchor.metadata?.uid ?? '' }),
          host,
          virtual,
          ranges: new ServiceRanges(virtual, ranges, logger),
          logger,
        }),
      ),
    async stop() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
