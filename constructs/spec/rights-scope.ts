import type { ConfigurationProblem, SyncerConfiguration } from '../../syncer/configuration';
import { widerRights } from '../../syncer/translation';
import type { SharedPolicies } from './sync';

/** How far the rights of a cluster's syncer may reach on the host. */
export enum RightsScope {
  /** The host namespace alone: what needs a ClusterRole, or a Role in another namespace, is refused. */
  NAMESPACE = 'namespace',
  /** As far as what is switched on needs. */
  CLUSTER = 'cluster',
}

const REMEDY = 'which scope RightsScope.NAMESPACE excludes: leave it out, or choose RightsScope.CLUSTER';

/** What needs more than the host namespace, each by its field. */
export function scopeProblems(configuration: SyncerConfiguration, shared: SharedPolicies): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = widerRights(configuration).map(({ field, namespace, right }) => {
    const { verbs, resources, names } = right;
    const what = `${verbs.join(', ')} on ${[...(names ?? resources)].join(', ')}`;
    const where = namespace === undefined ? 'of the whole host' : `in namespace ${namespace} of the host`;
    return { field, value: undefined, message: `needs ${what} ${where}, ${REMEDY}` };
  });
  if (shared.ingresses !== undefined) {
    const message = `is an IngressSync, whose ValidatingAdmissionPolicy is an object of the whole host, ${REMEDY.replace('leave it out', 'give its rules without the construct')}`;
    problems.push({ field: 'sync.toHost.ingresses', value: undefined, message });
  }
  // One feature may need several rights.
  const told = new Set<string>();
  return problems.filter(({ field }) => !told.has(field) && told.add(field));
}
