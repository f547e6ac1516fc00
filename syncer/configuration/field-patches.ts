import * as z from 'zod';
import { checked } from './checked';
import { customGroupProblem, kindProblem } from './custom-resources';
import { parseJsonPath } from './json-path';
import { namespaceNameProblem } from './names';

/** Keys of labels and annotations by which the syncer tells what an object is; no patch touches them. */
const OURS = /^(?:[^/]*\.)?nestling\.dev\//;

/**
 * What is wrong with the field that a patch changes: what an object is (its kind, name, namespace, UID, owners, the syncer's labels
 * and annotations) and its status are nobody's to change.
 *
 * @returns a sentence with the remedy, or undefined
 */
function patchedFieldProblem(text: string): string | undefined {
  const parsed = parseJsonPath(text);
  if ('problem' in parsed) return parsed.problem;
  const [first, second, third, ...rest] = parsed.path;
  if (first === undefined || 'every' in first) return 'changes what an object is: name a field, such as spec.replicas';
  if (first.key === 'apiVersion' || first.key === 'kind') return 'cannot be changed: it is what the object is';
  if (first.key === 'status') return 'cannot be changed: the status belongs to who writes it';
  if (first.key !== 'metadata') return undefined;
  const map = second !== undefined && 'key' in second ? second.key : undefined;
  if (map !== 'labels' && map !== 'annotations') {
    return 'cannot be changed: of the metadata only single labels and annotations can, such as metadata.labels.team';
  }
  if (third === undefined || 'every' in third || rest.length > 0) {
    return `changes all ${map}, those of the syncer too: name one, such as metadata.${map}["example.org/team"]`;
  }
  return OURS.test(third.key) ? "cannot be changed: the key is one of the syncer's own" : undefined;
}

const field = checked(patchedFieldProblem);

const value = z
  .unknown()
  .superRefine((given, context) => {
    if (given === undefined) context.addIssue({ code: 'custom', message: 'is missing: give the value, as JSON' });
  })
  .describe('The value, of any shape.');

const at = { path: field.describe('The field, such as spec.rules[*].host or metadata.labels.team.') };

const set = z
  .strictObject({ op: z.literal('set'), ...at, value })
  .describe('Sets a field; objects on the way are made.');
const append = z
  .strictObject({ op: z.literal('append'), ...at, value })
  .describe('Adds an element to a list, unless it has an equal one.');
const remove = z.strictObject({ op: z.literal('remove'), ...at }).describe('Takes a field away.');
const replaceText = z
  .strictObject({
    op: z.literal('replaceText'),
    ...at,
    find: z.string().min(1, 'is empty: give the text to be found').describe('Text that is found, as it is written.'),
    replacement: z.string().describe('What stands there instead, each time.'),
  })
  .describe('Replaces a part of a text.');

/** How a text is rewritten. */
const rewriting = z.discriminatedUnion(
  'function',
  [
    z
      .strictObject({ function: z.literal('hostName') })
      .describe('The text is the name of an object in the same virtual namespace; becomes its name on the host.'),
    z.strictObject({ function: z.literal('prefix'), text: z.string().min(1) }).describe('Puts a text in front.'),
    z.strictObject({ function: z.literal('suffix'), text: z.string().min(1) }).describe('Puts a text behind.'),
    z
      .strictObject({
        function: z.literal('map'),
        values: z.record(z.string(), z.string()),
        otherwise: z.string().exactOptional().describe('What any other text becomes. Without, it stays as it is.'),
      })
      .describe('Looks the text up.'),
  ],
  { error: 'is not a function: write hostName, prefix, suffix or map' },
);
const rewrite = z.strictObject({ op: z.literal('rewrite'), ...at, with: rewriting }).describe('Rewrites a text.');

const operation = z.discriminatedUnion('op', [set, append, remove, rewrite, replaceText], {
  error: 'is not an operation: write set, append, remove, rewrite or replaceText',
});

const match = z
  .strictObject({
    namespaces: z.array(checked(namespaceNameProblem)).default([]).describe('Namespaces. Empty: all.'),
    names: z.array(z.string().min(1)).default([]).describe('Names. Empty: all.'),
    selector: z
      .record(z.string(), z.string())
      .default({})
      .describe('Labels that the object must have. A tenant writes those of its own objects: protect nothing by them.'),
  })
  .prefault({})
  .describe('Which objects of the kind: as the side knows them that they come from.');

/** Changes of all objects of a kind on their way from one side to the other. */
export const fieldPatch = z.strictObject({
  kind: checked(kindProblem).describe('Kind, such as Pod.'),
  group: checked(customGroupProblem).exactOptional().describe('API group, for custom resources only.'),
  direction: z
    .enum(['toHost', 'fromHost'])
    .default('toHost')
    .describe("Whether what goes to the host is changed, or what tenants see of the host's."),
  match,
  operations: z.array(operation).min(1, 'is empty: give an operation').describe('Done one after the other.'),
});

/** See {@link fieldPatch}. */
export type FieldPatchRule = z.output<typeof fieldPatch>;
/** One change of a field. */
export type FieldOperation = FieldPatchRule['operations'][number];
/** How a text is rewritten. */
export type TextFunction = Extract<FieldOperation, { op: 'rewrite' }>['with'];
