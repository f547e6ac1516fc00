import { ApiObject, App, Chart, Size as Amount, YamlOutputType } from 'cdk8s';
import { Cpu, Isolation, Quota, VirtualCluster } from '../../constructs';
import { type Size, type Team, TEAMS } from './teams';

const QUOTAS: Readonly<Record<Size, Quota>> = {
  small: Quota.standard({ cpuRequests: Cpu.units(4), memoryRequests: Amount.gibibytes(8), pods: 50 }),
  large: Quota.standard({ cpuRequests: Cpu.units(32), memoryRequests: Amount.gibibytes(64), pods: 400 }),
};

/** All that the host holds of a team: one file, one review, one unit of GitOps. */
class TeamChart extends Chart {
  constructor(app: App, { name, costCenter, size, hosts }: Team) {
    const namespace = `team-${name}`;
    const labels = { 'example.org/team': name, 'example.org/cost-center': costCenter };
    super(app, namespace, { namespace });
    new ApiObject(this, 'namespace', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    new VirtualCluster(this, name, {
      isolation: Isolation.restricted({ quota: QUOTAS[size] }),
      sync: { toHost: { ingresses: { allowedHosts: [...hosts] } } },
    });
  }
}

const app = new App({ yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE });
for (const team of TEAMS) new TeamChart(app, team);
app.synth();
