import type { IConstruct } from 'constructs';
import { problemLine } from '../syncer/configuration';
import { contestedName } from './claimed-names';

/** What stands against the name of a policy's objects on the host: they have no namespace, so another construct may have the same. */
export function sharedNameProblems(owner: IConstruct, name: string): string[] {
  const contested = contestedName(owner);
  if (contested === undefined) return [];
  const message = `is the name of the ${contested.object.kind} that ${contested.other.node.path} makes, too: give one of them another name`;
  return [problemLine({ field: 'name', value: name, message })];
}
