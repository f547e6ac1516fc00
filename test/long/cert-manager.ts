import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Container } from 'kubernetes-types/core/v1';
import { parse } from 'yaml';
import { buildImages } from '../../images';
import type { AnyObject, KubeObject } from '../../syncer/kube-client';
import { CERT_MANAGER, resolveBinaries } from '../host-cluster';
import type { Host } from '../host-cluster';
import { run } from '../host-cluster/command';
import { findProgram } from '../host-cluster/prerequisites';

/** Namespace that cert-manager is installed into. */
export const NAMESPACE = 'cert-manager';
const WEBHOOK = 'cert-manager-webhook';
const RBAC = 'rbac.authorization.k8s.io';
const IMAGES = ['cert-manager-controller', 'cert-manager-webhook', 'cert-manager-cainjector'] as const;

/** Brings cert-manager's images to a host that takes images; they are built the first time, which takes some ten minutes of one core. */
export async function provideCertManager(host: Host, log: (text: string) => void): Promise<void> {
  if (!host.canImportImages) return;
  const programs = await resolveBinaries([...IMAGES], log);
  const binaries = (name: string): Promise<string> => {
    const found = IMAGES.find((image) => image === name);
    if (found === undefined) throw new Error(`no image asks for ${name}`);
    return Promise.resolve(programs[found]);
  };
  for (const { archive } of await buildImages({ binaries, names: IMAGES, log })) await host.importImage(archive);
}

/** cert-manager's own definitions, as its chart has them. */
export async function certManagerDefinitions(): Promise<AnyObject[]> {
  const go = findProgram('go');
  if (go === undefined) throw new Error('the definitions are in the Go module, and there is no Go: install Go 1.26');
  const directory = mkdtempSync(join(tmpdir(), 'nestling-cert-manager-'));
  try {
    const { module, version } = CERT_MANAGER;
    const downloaded = await run(go, ['mod', 'download', '-json', `${module}@${version}`], { directory });
    const { Dir } = JSON.parse(downloaded) as { Dir: string };
    const folder = join(Dir, 'deploy', 'crds');
    const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
    return files.map((name) => {
      const { metadata, ...definition } = parse(readFileSync(join(folder, name), 'utf8')) as AnyObject;
      // The labels are a template of the chart.
      return { ...definition, metadata: { ...metadata, labels: { app: 'cert-manager' } } };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** cert-manager as its chart installs it, but with one role for all of it: whoever installs it is an admin. */
export function certManagerObjects(): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'cert-manager', namespace: NAMESPACE } },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'cert-manager' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'cert-manager', namespace: NAMESPACE }],
    } as KubeObject,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: WEBHOOK, namespace: NAMESPACE },
      spec: { selector: { app: 'webhook' }, ports: [{ name: 'https', port: 443, targetPort: 10250 }] },
    } as KubeObject,
    deployment('controller', [
      '--cluster-resource-namespace=$(POD_NAMESPACE)',
      '--leader-election-namespace=$(POD_NAMESPACE)',
    ]),
    deployment('cainjector', ['--leader-election-namespace=$(POD_NAMESPACE)']),
    deployment(
      'webhook',
      [
        '--secure-port=10250',
        '--dynamic-serving-ca-secret-namespace=$(POD_NAMESPACE)',
        `--dynamic-serving-ca-secret-name=${WEBHOOK}-ca`,
        ...['', '.$(POD_NAMESPACE)', '.$(POD_NAMESPACE).svc'].map(
          (suffix) => `--dynamic-serving-dns-names=${WEBHOOK}${suffix}`,
        ),
      ],
      { readinessProbe: { httpGet: { path: '/healthz', port: 6080 }, periodSeconds: 1, failureThreshold: 100 } },
    ),
    webhooks('MutatingWebhookConfiguration', '/mutate'),
    webhooks('ValidatingWebhookConfiguration', '/validate'),
  ];
}

function deployment(
  name: (typeof IMAGES)[number] extends `cert-manager-${infer N}` ? N : never,
  args: string[],
  more: Partial<Container> = {},
): Deployment {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `cert-manager-${name}`, namespace: NAMESPACE },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'cert-manager',
          terminationGracePeriodSeconds: 1,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: `cert-manager-${name}`,
              image: `quay.io/jetstack/cert-manager-${name}:${CERT_MANAGER.version}`,
              imagePullPolicy: 'IfNotPresent',
              args: ['--v=2', ...args],
              env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              ...more,
            },
          ],
        },
      },
    },
  };
}

/** The certificate authority is put in by cert-manager's own injector. */
function webhooks(kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration', path: string): KubeObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: WEBHOOK, annotations: { 'cert-manager.io/inject-ca-from-secret': `${NAMESPACE}/${WEBHOOK}-ca` } },
    webhooks: [
      {
        name: 'webhook.cert-manager.io',
        rules: [
          {
            apiGroups: ['cert-manager.io', 'acme.cert-manager.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['*/*'],
          },
        ],
        admissionReviewVersions: ['v1'],
        matchPolicy: 'Equivalent',
        timeoutSeconds: 10,
        failurePolicy: 'Fail',
        sideEffects: 'None',
        clientConfig: { service: { name: WEBHOOK, namespace: NAMESPACE, path } },
      },
    ],
  } as KubeObject;
}
