import { isIP } from 'node:net';
import {
  dnsNameProblem,
  namespaceNameProblem,
  rangeProblem,
  type ConfigurationProblem,
} from '../../syncer/configuration';
import type { Exposure, ExposureSpec } from './exposure';

/** What is wrong with an exposure. The address of nodes is checked with the syncer's document. */
export function exposureProblems({ spec, reach }: Exposure): ConfigurationProblem[] {
  return [...hostProblem(reach.host), ...portProblem(reach.port), ...specProblems(spec)];
}

/** Whether there is a name that everything that follows from the exposure can hold. */
export function namesHost({ reach }: Exposure): boolean {
  return reach.host !== undefined && hostProblem(reach.host).length === 0;
}

function specProblems(exposure: ExposureSpec): ConfigurationProblem[] {
  switch (exposure.type) {
    case 'ClusterIP':
      return [];
    case 'NodePort':
      return portProblem(exposure.port);
    case 'LoadBalancer':
      return exposure.sourceRanges.flatMap((range, index) =>
        problem(`exposure.sourceRanges[${index}]`, range, rangeProblem(range)),
      );
    case 'Ingress':
      if (exposure.className === undefined) return [];
      return problem('exposure.className', exposure.className, dnsNameProblem(exposure.className));
    case 'TLSRoute': {
      const { name, namespace, sectionName } = exposure.gateway;
      return [
        ...problem('exposure.gateway.name', name, dnsNameProblem(name)),
        ...(namespace === undefined
          ? []
          : problem('exposure.gateway.namespace', namespace, namespaceNameProblem(namespace))),
        ...(sectionName === undefined
          ? []
          : problem('exposure.gateway.sectionName', sectionName, dnsNameProblem(sectionName))),
      ];
    }
  }
}

/** The host's range of node ports can be any. */
function portProblem(port: number | undefined): ConfigurationProblem[] {
  if (port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65_535)) return [];
  return problem('exposure.port', port, 'is no port: give a whole number from 1 to 65535');
}

/** A proxy tells clusters apart by the name in the TLS greeting, which never is an address. */
function hostProblem(host: string | undefined): ConfigurationProblem[] {
  if (host === undefined) return [];
  const message =
    isIP(host) === 0 ? dnsNameProblem(host) : 'is an address, which no TLS greeting names: give a DNS name';
  return problem('exposure.host', host, message);
}

function problem(field: string, value: unknown, message: string | undefined): ConfigurationProblem[] {
  return message === undefined ? [] : [{ field, value, message }];
}
