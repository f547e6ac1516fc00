import { ApiObject, App, Chart } from 'cdk8s';
import { Store, VirtualCluster } from '../../constructs';
import { EXPIRES, PREVIEW } from './labels';

/** Number of the pull request. */
const pullRequest = required('PULL_REQUEST', /^[1-9]\d{0,8}$/, 'the number of the pull request, such as 1234');
/** When the preview may go. Given from outside, so that the same input gives the same manifests. */
const expires = required('EXPIRES', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'a time such as 2030-01-31T12:00:00Z');

const app = new App();
const namespace = `preview-${pullRequest}`;
const chart = new Chart(app, namespace, { namespace });
new ApiObject(chart, 'namespace', {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: namespace,
    labels: { [PREVIEW]: pullRequest, 'pod-security.kubernetes.io/enforce': 'baseline' },
    annotations: { [EXPIRES]: expires },
  },
});
// A preview is made from the code each time: nothing in it is worth a volume.
new VirtualCluster(chart, 'preview', { store: Store.ephemeral() });
app.synth();

function required(name: string, shape: RegExp, meaning: string): string {
  const value = process.env[name] ?? '';
  if (!shape.test(value)) throw new Error(`${name}: "${value}" is not ${meaning}: set it in the environment`);
  return value;
}
