import { ApiObject, App, Chart } from 'cdk8s';
import { SleepSchedule, VirtualCluster } from '../../constructs';

const app = new App();
const chart = new Chart(app, 'remote-development', { namespace: 'dev-ada' });
const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dev-ada', labels } });
new VirtualCluster(chart, 'ada', {
  // Nights and weekends cost a volume.
  sleep: SleepSchedule.outside({ from: '08:00', to: '19:00', timeZone: 'Europe/Berlin' }),
});
app.synth();
