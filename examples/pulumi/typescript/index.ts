import * as k8s from '@pulumi/kubernetes';
import { Exposure, Isolation, Quota } from '../../../constructs';
import { VirtualCluster } from '../../../pulumi-provider';

const team = new k8s.core.v1.Namespace('team-a', {
  metadata: { name: 'team-a', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
});
const cluster = new VirtualCluster('my-vc1', {
  namespace: team.metadata.name,
  // Reached from outside of the host, as this program is.
  exposure: Exposure.nodePort(),
  isolation: Isolation.baseline({ quota: Quota.standard({ pods: 50 }) }),
});

// From here on: in the virtual cluster. Its provider waits until it answers.
const inside = { provider: cluster.provider };
const shop = new k8s.core.v1.Namespace('shop', { metadata: { name: 'shop' } }, inside);
const labels = { app: 'web' };
new k8s.apps.v1.Deployment(
  'web',
  {
    metadata: { name: 'web', namespace: shop.metadata.name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'web', image: 'docker.io/library/nginx:1.22' }] },
      },
    },
  },
  inside,
);

export const { endpoint, kubeconfig } = cluster;
