import { ApiObject, App, Chart } from 'cdk8s';
import { Store, VirtualCluster } from '../../constructs';
import { Shop } from './shop';

const prospect = process.env['PROSPECT'] ?? '';
if (!/^[A-Z][A-Za-z]{1,20}$/.test(prospect)) {
  throw new Error(`PROSPECT: "${prospect}" is no name of a prospect, such as Acme: set it in the environment`);
}
const namespace = `demo-${prospect.toLowerCase()}`;

const app = new App();
const chart = new Chart(app, namespace, { namespace });
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
const cluster = new VirtualCluster(chart, 'demo', { store: Store.ephemeral() });
cluster.addChart((scope) => new Shop(scope, 'shop', prospect));
app.synth();
