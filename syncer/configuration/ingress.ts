import * as z from 'zod';
import { dnsNameProblem } from './names';

/** What the values of an annotation may be that is passed on to the host as it is. */
const ANNOTATION_VALUES = [
  'boolean',
  'number',
  'duration',
  'size',
  'word',
  'words',
  'path',
  'url',
  'cidrs',
  'json',
  'text',
  'any',
] as const;

/** What of the annotated object's namespace an annotation names that is rewritten: `NamespacedName` is NAME or NAMESPACE/NAME. */
const ANNOTATION_REFERENCES = [
  'secretName',
  'secretNamespacedName',
  'configMapName',
  'configMapNamespacedName',
  'serviceName',
  'serviceNamespacedName',
] as const;

/** Prefix of our own keys on the host, below which no rule may set anything. */
const OUR_KEYS = /(^|\.)nestling\.dev\//;

/** Key of an annotation, or with a `*` at its end all that begin so. */
export const annotationPattern = z
  .string()
  .regex(
    /^[A-Za-z0-9][-A-Za-z0-9_./]*\*?$/,
    'is no key of an annotation: write one, or the beginning of several and a * at the end',
  )
  .refine((key) => !OUR_KEYS.test(key), {
    error: 'is a key by which the syncer knows its own objects: use one with another prefix',
  });

const key = annotationPattern.describe('The key, or with a * at its end all keys that begin so.');

const annotationRule = z.discriminatedUnion('action', [
  z.strictObject({
    key,
    action: z.literal('allow'),
    values: z
      .enum(ANNOTATION_VALUES)
      .default('text')
      .describe('What the value may be; an Ingress with another one is refused.'),
  }),
  z.strictObject({ key, action: z.literal('drop') }),
  z.strictObject({
    key,
    action: z.literal('rewrite'),
    names: z
      .enum(ANNOTATION_REFERENCES)
      .describe("What the value names, of the Ingress's own namespace; the host gets its twin's name."),
  }),
  z.strictObject({
    key: annotationPattern
      .refine((one) => !one.endsWith('*'), { error: 'is several keys, which cannot all be set: write one key' })
      .describe('The key.'),
    action: z.literal('set'),
    value: z.string().describe("The value on the host, whatever the tenant's Ingress says."),
  }),
]);

const allowedHost = z.string().superRefine((host, context) => {
  const problem = dnsNameProblem(host.replace(/^\*\./, ''));
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** How Ingresses are synced. */
export const ingressSync = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether they are synced.'),
    annotations: z
      .array(annotationRule)
      .default([])
      .describe(
        'Rules for annotations, the first that matches; then come those for well-known safe annotations of controllers. All others ' +
          'are left out.',
      ),
    allowedHosts: z
      .array(allowedHost)
      .default([])
      .describe(
        'Hosts that Ingresses may claim: names, or `*.` and a domain for all names below it. Empty: all; with ' +
          '`policy.podSecurity: restricted` none.',
      ),
    allowedClasses: z
      .array(z.string().min(1, 'must not be empty: write the name of an IngressClass of the host'))
      .default([])
      .describe('Classes that Ingresses may have; those that name none get the first. Empty: all.'),
  })
  .prefault({})
  .describe('Ingresses.');

/** A rule for annotations of Ingresses, as the document has it. */
export type AnnotationRule = z.output<typeof annotationRule>;
/** A class of values that annotations may have. */
export type AnnotationValues = (typeof ANNOTATION_VALUES)[number];
/** A kind of names that annotations may have. */
export type AnnotationReference = (typeof ANNOTATION_REFERENCES)[number];
