import { InputPropertiesError, Output, type ComponentResource, type Input } from '@pulumi/pulumi';
import * as z from 'zod';
import { settingsSchema } from '../constructs/settings';
import type { ConfigurationProblem } from '../syncer/configuration';
import { schemaProblems } from '../syncer/configuration/document';
import { registerCluster, type ClusterOutputs } from './cluster-resources';

export type { ClusterOutputs } from './cluster-resources';

/** What programs in any language say of a cluster: settings as a file has them, of which three may be outputs. */
export interface PlainClusterArgs {
  /** Namespace of the host cluster that holds the control plane and the tenant's pods. */
  readonly namespace: Input<string>;
  /**
   * The host's range of Service addresses.
   *
   * @default - found by the control plane when it starts
   */
  readonly serviceCIDR?: Input<string>;
  /**
   * Further DNS names and addresses under which clients reach the API server.
   *
   * @default - none beside those of Service NAME
   */
  readonly apiServerNames?: Input<Input<string>[]>;
}

/**
 * Registers a virtual cluster for a component whose arguments are plain data, as those of Pulumi's other languages are. They are read as a
 * settings file is, so that every name, default and check is the construct's.
 *
 * @param owner the component, whose children the objects are
 * @param name of the component
 * @param args with the other settings beside those named
 * @throws InputPropertiesError for arguments that are wrong or that cannot be outputs, all at once, each with its path, value and remedy
 */
export function registerPlainCluster(owner: ComponentResource, name: string, args: PlainClusterArgs): ClusterOutputs {
  const { namespace, serviceCIDR, apiServerNames, ...rest } = args;
  const settings = rest as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(settings).filter((key) => Output.isInstance(settings[key]));
  if (unknown.length > 0) {
    throw refused(
      unknown.map((field) => ({
        field,
        value: undefined,
        message:
          'comes from another resource, and decides which objects there are: it must be known at preview, so write a value',
      })),
    );
  }
  const { success, data, error } = z.safeDecode(settingsSchema, settings as never);
  if (!success) throw refused(schemaProblems(error.issues, settings));
  const later = {
    namespace,
    ...(serviceCIDR !== undefined && { serviceCIDR }),
    ...(apiServerNames !== undefined && { apiServerNames }),
  };
  return registerCluster(owner, name, { ...data, ...later }, refused);
}

function refused(problems: readonly ConfigurationProblem[]): Error {
  return new InputPropertiesError({
    message: 'the virtual cluster cannot be made',
    errors: problems.map(({ field, value, message }) => ({
      propertyPath: field,
      reason: value === undefined ? message : `${JSON.stringify(value)}: ${message}`,
    })),
  });
}
