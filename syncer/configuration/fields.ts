/** How the text of a flag becomes a value: as it is, item by item, or as JSON for everything with a structure of its own. */
export type FieldType = 'string' | 'number' | 'boolean' | 'strings' | 'numbers' | 'json';

/** One setting of the document: what a flag sets, and a line of the reference. */
export interface ConfigurationField {
  /** Where it is in the document. */
  readonly path: readonly string[];
  /** Its flag without the dashes: the path in kebab case, such as `network-service-cidrs`. */
  readonly flag: string;
  readonly type: FieldType;
  readonly description: string;
  /** Undefined where the document must say it, or its absence means something that the description tells. */
  readonly default: unknown;
  readonly required: boolean;
  /** The only values that it, or each of its items, may have; empty for all. */
  readonly allowed: readonly string[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/** Fields that belong together: those of one map of the document. */
export interface FieldGroup {
  readonly path: readonly string[];
  readonly description: string;
  readonly fields: readonly ConfigurationField[];
}

/** What of JSON Schema is read here. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/**
 * Every setting that a JSON schema of the document has, in the schema's order. A map with fixed fields is a group of
 * settings; a map with free keys, a list of maps and a choice between shapes are one setting each. What has one
 * possible value only (`apiVersion`, `kind`) is none.
 */
export function fieldGroups(schema: object): readonly FieldGroup[] {
  const groups: FieldGroup[] = [];
  collect(schema as Schema, [], groups);
  return groups;
}

/** The fields of all groups. */
export function configurationFields(schema: object): readonly ConfigurationField[] {
  return fieldGroups(schema).flatMap(({ fields }) => fields);
}

/** A field's name as part of a flag: `serviceCIDRs` is `service-cidrs`. */
export function kebabCase(name: string): string {
  // Before a capital after a small letter, and before the last capital of several that begins a word; the `s` of `CIDRs` begins none.
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-rt-z]|[A-Z]s[a-z])/g, '-').toLowerCase();
}

/** A path as errors and the reference write it. */
export const pathText = (path: readonly string[]): string => path.join('.');

function collect(schema: Schema, path: readonly string[], groups: FieldGroup[]): void {
  const fields: ConfigurationField[] = [];
  const own: FieldGroup = { path, description: schema.description ?? '', fields };
  groups.push(own);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.const !== undefined) continue;
    const inner = [...path, name];
    if (property.properties !== undefined) collect(property, inner, groups);
    else fields.push(fieldOf(property, inner, schema.required?.includes(name) ?? false));
  }
  if (fields.length === 0) groups.splice(groups.indexOf(own), 1);
}

function fieldOf(schema: Schema, path: readonly string[], required: boolean): ConfigurationField {
  const values = schema.type === 'array' ? (schema.items ?? {}) : schema;
  return {
    path,
    flag: path.map(kebabCase).join('-'),
    type: typeOf(schema),
    description: schema.description ?? '',
    default: schema.default,
    required: required && schema.default === undefined,
    allowed: (values.enum ?? []).map(String),
    minimum: values.minimum,
    maximum: values.maximum,
  };
}

function typeOf({ type, items }: Schema): FieldType {
  if (type === 'boolean' || type === 'string') return type;
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'array' && items?.type === 'string') return 'strings';
  if (type === 'array' && (items?.type === 'integer' || items?.type === 'number')) return 'numbers';
  return 'json';
}
