import { App, Chart } from 'cdk8s';
import * as plus27 from 'cdk8s-plus-27';
import * as plus33 from 'cdk8s-plus-33';
import { VirtualCluster } from '../../../constructs';
import { Synthesized } from '../../../constructs/testing';

/*
 * The constructs import no cdk8s-plus, whose versions go with those of Kubernetes. So an app may use any of them beside: the oldest line
 * that is kept and the newest one that cdk8s' own command line uses.
 */

test.each([
  ['cdk8s-plus-27', plus27],
  // Its types have more members, but those that are used here are the same.
  ['cdk8s-plus-33', plus33 as unknown as typeof plus27],
])('%s works beside and inside of a virtual cluster', (_, plus) => {
  const app = new App();
  const chart = new Chart(app, 'team-a', { namespace: 'team-a' });
  const cluster = new VirtualCluster(chart, 'vc', {
    resources: { syncer: { cpuRequest: plus.Cpu.millis(250), cpuLimit: plus.Cpu.units(2) } },
  });

  // Its objects refer to ours by name: the syncer's account as the subject of a binding, the kubeconfig as a variable.
  const account = plus.ServiceAccount.fromServiceAccountName(chart, 'account', cluster.serviceAccountName, {
    namespaceName: cluster.namespace,
  });
  const role = new plus.Role(chart, 'more');
  role.allowRead(plus.ApiResource.CONFIG_MAPS);
  role.bind(account);
  const kubeconfig = plus.Secret.fromSecretName(chart, 'kubeconfig', cluster.kubeconfigSecretName);
  new plus.Deployment(chart, 'platform', {
    containers: [
      {
        image: 'registry.example.com/platform:1',
        envVariables: { KUBECONFIG_TEXT: plus.EnvValue.fromSecretValue({ secret: kubeconfig, key: 'config-inside' }) },
      },
    ],
  });

  // And a chart of it goes into the virtual cluster.
  cluster.addChart((scope) => {
    const inside = new Chart(scope, 'web', { namespace: 'web' });
    new plus.Deployment(inside, 'web', { containers: [{ image: 'registry.example.com/web:1' }] });
    return inside;
  });

  const synthesized = Synthesized.of(chart);
  expect(synthesized.all('RoleBinding').flatMap(({ subjects }) => subjects)).toContainEqual({
    kind: 'ServiceAccount',
    name: 'vc',
    namespace: 'team-a',
  });
  expect(synthesized.all('Deployment')).toHaveLength(1);
  expect(JSON.stringify(synthesized.find('ConfigMap', 'vc-manifests'))).toContain('registry.example.com/web:1');
  expect(JSON.stringify(synthesized.find('StatefulSet', 'vc'))).toContain('"cpu":"250m"');
});
