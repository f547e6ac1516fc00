/** What goes into the virtual cluster: KWOK, and the nodes that it plays. `NODES` says how many. */
import { ApiObject, App, Chart } from 'cdk8s';
import { STAGES } from './stages';

const count = Number(process.env['NODES'] ?? 100);
if (!Number.isInteger(count) || count < 1 || count > 5_000) {
  throw new Error(`NODES: "${process.env['NODES']}" is no number of nodes: give 1 to 5000`);
}

const app = new App();
const namespace = 'kwok';
const name = 'kwok-controller';
const labels = { app: name };
const controller = new Chart(app, 'kwok', { namespace, disableResourceNameHashes: true });
new ApiObject(controller, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
new ApiObject(controller, 'account', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
new ApiObject(controller, 'rights', {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  // Of a cluster that is only there to be played with.
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name, namespace }],
});
new ApiObject(controller, 'stages', {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'stages' },
  data: { 'kwok.yaml': STAGES },
});
new ApiObject(controller, 'controller', {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: name,
        containers: [
          {
            name: 'kwok',
            image: 'registry.k8s.io/kwok/kwok:v0.8.0',
            args: [
              '--config=/etc/kwok/kwok.yaml',
              '--manage-all-nodes=false',
              '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
              '--node-lease-duration-seconds=40',
              '--cidr=100.64.0.1/16',
              '--node-ip=$(POD_IP)',
            ],
            env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
            volumeMounts: [{ name: 'stages', mountPath: '/etc/kwok' }],
          },
        ],
        volumes: [{ name: 'stages', configMap: { name: 'stages' } }],
      },
    },
  },
});

const nodes = new Chart(app, 'nodes', { disableResourceNameHashes: true });
for (let index = 0; index < count; index++) {
  const node = `simulated-${index}`;
  new ApiObject(nodes, node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: {
        // Pods on it are KWOK's: the syncer makes nothing of them on the host.
        'nestling.dev/tenant-kubelet': 'true',
        'kubernetes.io/hostname': node,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/zone': `zone-${index % 3}`,
        type: 'simulated',
      },
    },
    spec: { taints: [{ key: 'simulated', value: 'true', effect: 'NoSchedule' }] },
  });
}
app.synth();
