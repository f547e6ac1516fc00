import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Secret } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { AnyObject, ResourceType } from '../../syncer/kube-client';
import { Tenant } from '../e2e/tenant';
import { useVirtualCluster } from '../e2e/virtual-cluster';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { certManagerDefinitions, certManagerObjects, NAMESPACE, provideCertManager } from './cert-manager';

beforeAll(
  async () => provideCertManager(await resolveHost({}), (text) => console.log(text)),
  // Built where it was not before.
  30 * 60_000,
);

const cluster = useVirtualCluster('cert-manager');
const shop = new Tenant(cluster, 'shop');
const GROUP = { group: 'cert-manager.io', version: 'v1', namespaced: true } as const;
const issuers: ResourceType = { ...GROUP, resource: 'issuers', kind: 'Issuer' };
const certificates: ResourceType = { ...GROUP, resource: 'certificates', kind: 'Certificate' };

const SECONDS = 180;

test('cert-manager, installed by the tenant with its definitions and webhooks, issues a certificate', async () => {
  await shop.prepare();
  const { virtual } = cluster.current;
  const items = [...(await certManagerDefinitions()), ...certManagerObjects()];
  const directory = mkdtempSync(join(tmpdir(), 'nestling-cert-manager-'));
  try {
    const file = join(directory, 'cert-manager.json');
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const { code, stderr } = await new Tenant(cluster, NAMESPACE).kubectl('apply', '--server-side', '-f', file);
    if (code !== 0) throw new Error(stderr);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  for (const name of ['controller', 'webhook', 'cainjector']) {
    await eventually(
      `cert-manager's ${name} is available`,
      async () => {
        const at = { namespace: NAMESPACE, name: `cert-manager-${name}` };
        const { status } = await virtual.get<Deployment>(resources.deployments, at);
        return status?.availableReplicas === 1;
      },
      SECONDS,
    );
  }
  // Refused until the webhook is reached by way of the gate, with the authority that the injector puts in.
  await eventually(
    'cert-manager’s webhook takes an Issuer',
    () => shop.create<AnyObject>(issuers, 'self', { spec: { selfSigned: {} } }),
    SECONDS,
  );
  const certificate = (duration: string) => ({
    spec: {
      secretName: 'web-tls',
      duration,
      commonName: 'web.example.com',
      dnsNames: ['web.example.com', 'web.shop.svc'],
      privateKey: { algorithm: 'ECDSA', size: 256 },
      issuerRef: { name: 'self', kind: 'Issuer' },
    },
  });
  await expect(shop.create(certificates, 'too-short', certificate('1m'))).rejects.toThrow(
    /admission webhook "webhook\.cert-manager\.io" denied the request.*duration/s,
  );
  await shop.create(certificates, 'web', certificate('2160h'));
  await eventually(
    'the certificate is ready',
    async () => {
      const { status } = (await shop.get(certificates, 'web')) as {
        status?: { conditions?: { type: string; status: string }[] };
      };
      if (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')) return true;
      throw new Error(JSON.stringify(status));
    },
    SECONDS,
  );
  const { data, type } = await shop.get<Secret>(resources.secrets, 'web-tls');
  expect(type).toBe('kubernetes.io/tls');
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
  const issued = new X509Certificate(text('tls.crt'));
  expect(issued.checkHost('web.example.com')).toBe('web.example.com');
  expect(issued.checkHost('web.shop.svc')).toBe('web.shop.svc');
  expect(issued.checkHost('other.example.com')).toBeUndefined();
  expect(issued.checkPrivateKey(createPrivateKey(text('tls.key')))).toBe(true);
  expect(issued.verify(issued.publicKey)).toBe(true);
  expect(Date.parse(issued.validTo)).toBeGreaterThan(Date.now() + 89 * 86_400_000);
});
