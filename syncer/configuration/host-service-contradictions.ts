import type { ConfigurationProblem } from './error';
import { controlPlaneNames, NAME_SEPARATOR } from './names';
import type { SyncerConfiguration } from './schema';

/** Services of the virtual cluster that the control plane makes itself. */
const OWN_VIRTUAL: ReadonlySet<string> = new Set(['default/kubernetes', 'kube-system/kube-dns']);

/** Names of Services on the other side that are right by themselves and wrong together. */
export function hostServiceContradictions({
  hostServices,
  virtualCluster,
}: SyncerConfiguration): ConfigurationProblem[] {
  const { apiServerService, storeService } = controlPlaneNames(virtualCluster.name);
  const own: ReadonlySet<string> = new Set([apiServerService, storeService]);
  return [...shown(hostServices, own), ...published(hostServices, own)];
}

type HostServices = SyncerConfiguration['hostServices'];
type Names = { readonly namespace?: string; readonly name: string };

const text = ({ namespace, name }: Names): string => (namespace === undefined ? name : `${namespace}/${name}`);

function shown({ toVirtual }: HostServices, own: ReadonlySet<string>): ConfigurationProblem[] {
  return toVirtual.flatMap(({ host, virtual }, index): ConfigurationProblem[] => {
    const field = `hostServices.toVirtual[${index}]`;
    const former = toVirtual.slice(0, index);
    const problems: ConfigurationProblem[] = [];
    if (host.namespace === undefined && own.has(host.name)) {
      const message = "is a Service of the control plane itself: tenants' pods reach it as kubernetes.default";
      problems.push({ field: `${field}.host`, value: text(host), message });
    }
    if (former.some((other) => text(other.host) === text(host))) {
      const message =
        'has a name in the virtual cluster already, where each address belongs to one Service: leave one; tenants make others with a Service of type ExternalName';
      problems.push({ field: `${field}.host`, value: text(host), message });
    }
    if (OWN_VIRTUAL.has(text(virtual))) {
      const message = 'is a Service that the virtual cluster has by itself: choose another name';
      problems.push({ field: `${field}.virtual`, value: text(virtual), message });
    }
    if (former.some((other) => text(other.virtual) === text(virtual))) {
      const message = 'stands for another Service of the host already: give each its own';
      problems.push({ field: `${field}.virtual`, value: text(virtual), message });
    }
    return problems;
  });
}

function published({ toHost, toVirtual }: HostServices, own: ReadonlySet<string>): ConfigurationProblem[] {
  return toHost.flatMap(({ host, virtual }, index): ConfigurationProblem[] => {
    const field = `hostServices.toHost[${index}]`;
    const problems: ConfigurationProblem[] = [];
    if (own.has(host.name)) {
      const message = 'is a Service of the control plane itself: choose another name';
      problems.push({ field: `${field}.host.name`, value: host.name, message });
    }
    if (host.name.includes(NAME_SEPARATOR)) {
      const message = `contains "${NAME_SEPARATOR}", which stands between the parts of host names of tenants' objects: choose a name without it`;
      problems.push({ field: `${field}.host.name`, value: host.name, message });
    }
    if (toHost.slice(0, index).some((other) => other.host.name === host.name)) {
      const message = 'is the name of another Service of the tenant already: give each its own';
      problems.push({ field: `${field}.host.name`, value: host.name, message });
    }
    if (OWN_VIRTUAL.has(text(virtual))) {
      const message = 'is a Service of the virtual cluster itself: publish one of the tenant';
      problems.push({ field: `${field}.virtual`, value: text(virtual), message });
    }
    if (toVirtual.some((other) => text(other.virtual) === text(virtual))) {
      const message = 'stands for a Service of the host, which has a name there: publish one of the tenant';
      problems.push({ field: `${field}.virtual`, value: text(virtual), message });
    }
    return problems;
  });
}
