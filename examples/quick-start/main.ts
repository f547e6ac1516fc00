import { ApiObject, App, Chart } from 'cdk8s';
import { VirtualCluster } from '../../constructs';

const app = new App();
const chart = new Chart(app, 'quick-start');
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'team-a', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a', labels } });
new VirtualCluster(chart, 'my-vc1', { namespace: 'team-a' });
app.synth();
