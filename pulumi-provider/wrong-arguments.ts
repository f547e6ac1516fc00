import { getProject, getStack, ResourceError, type Resource } from '@pulumi/pulumi';

/**
 * What is wrong with a component's arguments. The URN is in the text, too: programs inside of another program (Automation API) are told the
 * text alone.
 *
 * @param problems lines, each with a name, its value and the remedy
 */
export function wrongArguments(component: Resource, problems: readonly string[]): ResourceError {
  return new ResourceError([`${urnOf(component as unknown as Lineage)}:`, ...problems].join('\n  '), component, true);
}

/** The stack is everybody's parent, and in nobody's URN. */
const STACK_TYPE = 'pulumi:pulumi:Stack';

/** What the SDK keeps of a resource, and leaves out of its types. */
interface Lineage {
  readonly __name?: string;
  readonly __pulumiType: string;
  readonly __parentResource?: Lineage;
}

/** The URN that the engine gives to a resource, at once. What the engine says of it comes later than an error is thrown. */
function urnOf(component: Lineage): string {
  const types: string[] = [];
  for (let one: Lineage | undefined = component; one !== undefined; one = one.__parentResource) {
    if (one.__pulumiType !== STACK_TYPE) types.unshift(one.__pulumiType);
  }
  return `urn:pulumi:${getStack()}::${getProject()}::${types.join('$')}::${component.__name}`;
}
