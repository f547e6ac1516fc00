import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';

/** The product, as it is shown to one prospect. What the vendor's own charts are goes here. */
export class Shop extends Chart {
  constructor(scope: Construct, id: string, prospect: string) {
    const namespace = 'shop';
    const labels = { app: 'shop' };
    super(scope, id, { namespace, disableResourceNameHashes: true });
    const metadata = { name: 'shop' };
    new ApiObject(this, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    new ApiObject(this, 'pages', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { 'index.html': `<h1>Welcome, ${prospect}</h1>\n` },
    });
    new ApiObject(this, 'deployment', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'web',
                image: 'docker.io/library/nginx:1.22',
                volumeMounts: [{ name: 'pages', mountPath: '/usr/share/nginx/html' }],
              },
            ],
            volumes: [{ name: 'pages', configMap: { name: 'shop' } }],
          },
        },
      },
    });
    new ApiObject(this, 'service', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 80 }] },
    });
  }
}
