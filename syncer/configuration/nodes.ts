import * as z from 'zod';

/**
 * Which nodes tenants see: `fake` those that their pods are on, with made-up facts; `real` the same with the facts of the host's;
 * `all` every node of the host; `selector` those of the host that have some labels.
 */
export const NODE_MODES = ['fake', 'real', 'all', 'selector'] as const;
/** Which nodes tenants see. */
export type NodeMode = (typeof NODE_MODES)[number];

/** A part of a label's key, or its value: at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at each end. */
const LABEL_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_PREFIX = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** Whether a text can be the key of a label. */
function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  return LABEL_PART.test(key.slice(slash + 1)) && (slash === -1 || LABEL_PREFIX.test(key.slice(0, slash)));
}

/** Labels that the host is asked for: what it would not take would keep the syncer from ever starting. */
const selector = z.record(z.string(), z.string()).superRefine((labels, context) => {
  for (const [key, value] of Object.entries(labels)) {
    const problem = !isLabelKey(key)
      ? 'is no key of a label: write NAME or PREFIX/NAME'
      : value !== '' && !LABEL_PART.test(value)
        ? 'has a value that no label has: write at most 63 letters, digits, -, _ and ., with a letter or digit at each end'
        : undefined;
    if (problem !== undefined) context.addIssue({ code: 'custom', path: [key], message: problem });
  }
});

/** Which nodes tenants see, and what of them. */
export const nodeSync = z
  .strictObject({
    mode: z
      .enum(NODE_MODES)
      .default('fake')
      .describe(
        "fake: those that the tenant's pods are on, with made-up capacity and labels. real: the same, with labels, capacity, " +
          'conditions and versions of the host’s. all: every node of the host. selector: those with the labels of selector, and as with ' +
          'fake those others that pods are on. All but fake need the right to read nodes on the host.',
      ),
    selector: selector
      .default({})
      .describe('With mode selector: labels that a node of the host must have to be shown.'),
    enforce: z
      .boolean()
      .default(false)
      .describe(
        'With mode selector: whether pods run on the shown nodes only. Each gets the labels as its node selector; one that asks for ' +
          'other nodes is refused.',
      ),
  })
  .prefault({})
  .describe('Nodes.');
