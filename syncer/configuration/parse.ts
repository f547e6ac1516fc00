import { parseDocument, stringify } from 'yaml';
import { contradictions } from './contradictions';
import { ConfigurationError } from './error';
import { controlPlaneNames } from './names';
import { configurationSchema, type SyncerConfiguration, type SyncerConfigurationInput } from './schema';
import { schemaProblems } from './schema-problems';

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
    throw new ConfigurationError('The configuration', schemaProblems(result.error.issues, input));
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
