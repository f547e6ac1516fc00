import type { EnvVar } from 'kubernetes-types/core/v1';
import type { LinkedService, TranslationContext } from './context';

/**
 * Variables for a pod's containers that name the API server and, unless the pod wants none, the Services of its namespace:
 * what an ordinary cluster's kubelet would set. The host's own are all overwritten or switched off.
 */
export function serviceVariables(context: TranslationContext, serviceLinks: boolean): EnvVar[] {
  const variables = new Map<string, string>();
  if (serviceLinks) for (const service of context.services) addService(variables, service);
  // Last, as a Service of the tenant's own must not redirect its pods away from their API server.
  addService(variables, {
    name: 'kubernetes',
    clusterIP: context.apiServerIP,
    ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
  });
  return Array.from(variables, ([name, value]) => ({ name, value }));
}

function addService(variables: Map<string, string>, { name, clusterIP, ports }: LinkedService): void {
  const first = ports[0];
  if (!clusterIP || clusterIP === 'None' || first === undefined) return;
  const prefix = variableName(name);
  variables.set(`${prefix}_SERVICE_HOST`, clusterIP);
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
  variables.set(`${prefix}_PORT`, address(clusterIP, first));
  for (const port of ports) {
    if (port.name) variables.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
    const protocol = port.protocol ?? 'TCP';
    const link = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    variables.set(link, address(clusterIP, port));
    variables.set(`${link}_PROTO`, protocol.toLowerCase());
    variables.set(`${link}_PORT`, String(port.port));
    variables.set(`${link}_ADDR`, clusterIP);
  }
}

function address(clusterIP: string, { port, protocol = 'TCP' }: LinkedService['ports'][number]): string {
  return `${protocol.toLowerCase()}://${clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP}:${port}`;
}

function variableName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
