import { ApiObject, App, Chart } from 'cdk8s';
import { NodeSyncPolicy, VirtualCluster } from '../../constructs';

const app = new App();
const chart = new Chart(app, 'gpu-nodes', { namespace: 'research' });
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'research', labels } });
new VirtualCluster(chart, 'experiments', {
  // The pool's nodes are all that researchers see, and all that their pods run on.
  sync: { fromHost: { nodes: NodeSyncPolicy.nodesMatching({ 'example.org/pool': 'gpu' }, { enforce: true }) } },
});
app.synth();
