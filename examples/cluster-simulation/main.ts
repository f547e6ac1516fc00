import { ApiObject, App, Chart } from 'cdk8s';
import { NodeSyncPolicy, Scheduler, Store, VirtualCluster } from '../../constructs';

const app = new App();
const chart = new Chart(app, 'cluster-simulation', { namespace: 'simulation' });
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'simulation', labels } });
new VirtualCluster(chart, 'sim', {
  store: Store.ephemeral(),
  // Chooses among simulated nodes as upstream does; it needs to see the others, too.
  scheduler: Scheduler.virtual(),
  sync: {
    fromHost: { nodes: NodeSyncPolicy.allNodes() },
    toHost: { persistentVolumeClaims: { enabled: false } },
  },
});
app.synth();
