import type { ComponentResource } from '@pulumi/pulumi';
import type { SharedPolicy } from '../constructs/shared-policies';
import { hostResource } from './host-resource';
import { wrongArguments } from './wrong-arguments';

/**
 * Registers what several clusters share as children of a component.
 *
 * @param name of the component
 * @returns the value that a cluster is given
 * @throws ResourceError where its settings are wrong
 */
export function registerPolicy<Value>(owner: ComponentResource, name: string, policy: SharedPolicy<Value>): Value {
  if (policy.problems.length > 0) throw wrongArguments(owner, policy.problems);
  for (const object of policy.objects) {
    const { apiVersion = '', kind = '' } = object;
    hostResource(`${name}-${kind}`, { ...object, apiVersion, kind }, { parent: owner });
  }
  // Whoever waits for the component waits for them.
  (owner as unknown as { registerOutputs(outputs: object): void }).registerOutputs({});
  return policy.value;
}
