import { App, Chart } from 'cdk8s';
import { PodSecurityLevel, VirtualCluster } from '../../constructs';

/** The same program at every level: the host of the inner cluster is the outer one. */
const name = process.env['CLUSTER'] ?? 'outer';
const namespace = process.env['NAMESPACE'] ?? 'nest';

const app = new App();
const chart = new Chart(app, name, { namespace });
new VirtualCluster(chart, name, { podSecurity: PodSecurityLevel.RESTRICTED });
app.synth();
