import { parseDocument, stringify } from 'yaml';
import type * as z from 'zod';
import { contradictions } from './contradictions';
import { ConfigurationError, type ConfigurationProblem } from './error';
import { controlPlaneNames } from './names';
import { configurationSchema, type SyncerConfiguration, type SyncerConfigurationInput } from './schema';

/**
 * Reads the configuration document and applies its defaults.
 *
 * @param yamlText YAML or JSON text
 * @throws ConfigurationError that lists every bad field with its value and the remedy
 */
export function parseConfiguration(yamlText: string): SyncerConfiguration {
  return resolveConfiguration(readDocument(yamlText));
}

/**
 * What a YAML or JSON text holds, unchecked.
 *
 * @throws ConfigurationError for what is no YAML
 */
export function readDocument(yamlText: string): unknown {
  const document = parseDocument(yamlText, { uniqueKeys: true });
  if (document.errors.length > 0) throw notYaml(document.errors);
  try {
    return document.toJS();
  } catch (error) {
    // An alias without an anchor, or aliases that multiply: found only when the document is unfolded.
    throw notYaml([error as Error]);
  }
}

/**
 * Checks a configuration that is an object already and applies its defaults; the object itself is not changed.
 *
 * @throws ConfigurationError that lists every bad field with its value and the remedy
 */
export function resolveConfiguration(input: unknown): SyncerConfiguration {
  const result = configurationSchema.safeParse(input);
  if (!result.success) {
    throw new ConfigurationError(
      'The configuration',
      result.error.issues.flatMap((issue) => problems(issue, input)),
    );
  }
  const { host, virtualCluster } = result.data;
  const configuration = {
    ...result.data,
    host: {
      workloadServiceAccount:
        host.workloadServiceAccount ?? controlPlaneNames(virtualCluster.name).workloadServiceAccount,
      helperImage: host.helperImage,
    },
  };
  const found = contradictions(configuration);
  if (found.length > 0) throw new ConfigurationError('The configuration', found);
  return configuration;
}

/** The document as YAML text; equal configurations give equal bytes. */
export function formatConfiguration(configuration: SyncerConfiguration | SyncerConfigurationInput): string {
  return stringify(configuration, { lineWidth: 0, aliasDuplicateObjects: false });
}

function notYaml(errors: readonly Error[]): ConfigurationError {
  return new ConfigurationError(
    'The configuration',
    errors.map((error) => ({
      field: '',
      value: undefined,
      message: `is not YAML (${error.message.split('\n')[0]?.replace(/:$/, '')}): correct the syntax there`,
    })),
  );
}

function problems(issue: z.core.$ZodIssue, input: unknown): ConfigurationProblem[] {
  const field = fieldPath(issue.path);
  const value = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldPath([...issue.path, key]),
      value: valueAt(input, [...issue.path, key]),
      message: 'is not a known field: correct its spelling or remove it',
    }));
  }
  const wrong = (what: string) => (value === undefined ? 'is missing' : what);
  if (issue.code === 'invalid_type') {
    return [{ field, value, message: `${wrong('has the wrong type')}: give ${named(issue.expected)}` }];
  }
  if (issue.code === 'invalid_value') {
    return [{ field, value, message: `${wrong('is not allowed')}: write ${issue.values.map(String).join(' or ')}` }];
  }
  return [{ field, value, message: issue.message }];
}

/** What the schema calls a type, for people who write YAML. */
function named(type: string): string {
  const names = new Map([
    ['object', 'a map of fields'],
    ['array', 'a list'],
    ['boolean', 'true or false'],
    ['int', 'a whole number'],
  ]);
  return names.get(type) ?? `a ${type}`;
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
