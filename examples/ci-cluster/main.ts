import { ApiObject, App, Chart } from 'cdk8s';
import { Store, VirtualCluster } from '../../constructs';

/** One per run: two runs never see each other. */
const namespace = process.env['CI_NAMESPACE'] ?? 'ci-local';
const app = new App();
const chart = new Chart(app, 'ci-cluster', { namespace });
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
new VirtualCluster(chart, 'ci', { store: Store.ephemeral() });
app.synth();
