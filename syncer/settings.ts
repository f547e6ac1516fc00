import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nearest, type OptionForm, UsageError } from './command-line';
import {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_FILE,
  CONFIGURATION_KIND,
  ConfigurationError,
  type ConfigurationProblem,
  type SyncerConfiguration,
} from './configuration';
import { SYNCER_FILES } from './environment';
import {
  configurationJsonSchema,
  formatConfiguration,
  readDocument,
  resolveConfiguration,
} from './configuration/document';
import { configurationFields, fieldGroups } from './configuration/fields';
import { type GivenFlag, withFlags } from './configuration/flags';
import { flagHelp } from './configuration/reference';

// Whoever imports this loads the schema library and the YAML parser: not for a syncer that only runs (docs/decisions/0013).

/** The document's JSON schema, as text. */
export const schemaText = (): string => `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;

/** A configuration as a document. */
export const configurationText = formatConfiguration;

/** The part of the usage that tells all flags of the document. */
export const settingsHelp = (): string => flagHelp(fieldGroups(configurationJsonSchema()));

/** What the flags of the document are called, and how they take their values. */
export function flagForms(): ReadonlyMap<string, OptionForm> {
  const fields = configurationFields(configurationJsonSchema());
  return new Map(fields.map(({ flag, type }) => [flag, type === 'boolean' ? 'boolean' : 'value']));
}

/** @throws UsageError naming the flag that is nearest to the first unknown one */
export function refuseUnknown(unknown: readonly string[], known: Iterable<string>): void {
  const [first] = unknown;
  if (first === undefined) return;
  const meant = nearest(first, known);
  throw new UsageError(
    `unknown flag --${first}${meant === undefined ? '' : `: did you mean --${meant}?`} (--help lists all flags)`,
  );
}

/** Where a configuration comes from. */
export interface ConfigurationSources {
  /** Path of the document; without one the flags say everything. */
  readonly file: string | undefined;
  /** Flags, which win over the document. */
  readonly flags: readonly GivenFlag[];
}

/**
 * Reads, completes and checks the configuration.
 *
 * @throws ConfigurationError that lists every bad field with its value and the remedy
 */
export async function loadConfiguration({ file, flags }: ConfigurationSources): Promise<SyncerConfiguration> {
  const document =
    file === undefined
      ? { apiVersion: CONFIGURATION_API_VERSION, kind: CONFIGURATION_KIND }
      : readDocument(await read(file));
  return resolveConfiguration(withFlags(document, flags, configurationFields(configurationJsonSchema())));
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`the configuration cannot be read (${(error as Error).message}): give another path`);
  }
}

/**
 * The configuration of a syncer that is given one of its own beside what the init container left: what keys and files
 * were made from has to be the same.
 *
 * @throws ConfigurationError for what is wrong in itself, and for what is not as the init container had it
 */
export async function loadRunningConfiguration(
  { file, flags }: ConfigurationSources,
  directory: string,
): Promise<SyncerConfiguration> {
  const left = join(directory, SYNCER_FILES, CONFIGURATION_FILE);
  const initialised = JSON.parse(await readFile(left, 'utf8')) as SyncerConfiguration;
  const configuration = await loadConfiguration({ file: file ?? left, flags });
  const problems: ConfigurationProblem[] = [];
  for (const { path } of configurationFields(configurationJsonSchema())) {
    if (!MADE_BY_INIT.has(path[0] ?? '')) continue;
    const [before, now] = [valueAt(initialised, path), valueAt(configuration, path)];
    if (JSON.stringify(before) === JSON.stringify(now)) continue;
    const message = `is not what keys and files were made for (${JSON.stringify(before)}): give that, or run init again`;
    problems.push({ field: path.join('.'), value: now, message });
  }
  if (problems.length > 0) throw new ConfigurationError('The configuration', problems);
  return configuration;
}

/** Sections that the init container turns into keys, certificates and the API server's flags. */
const MADE_BY_INIT: ReadonlySet<string> = new Set(['virtualCluster', 'apiServer', 'certificates', 'network']);

const valueAt = (document: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], document);
