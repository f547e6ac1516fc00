import { type ConfigurationField, type FieldGroup, pathText } from './fields';

/** Columns of a terminal that help is written for. */
const WIDTH = 100;

/** Every flag of the document, by group, as `--help` shows them. */
export function flagHelp(groups: readonly FieldGroup[]): string {
  return groups
    .map(({ path, description, fields }) => {
      const flags = fields.map((field) => `    --${field.flag}${argument(field)}\n${wrapped(explanation(field), 8)}`);
      return `${wrapped(`${pathText(path)}: ${description}`, 2)}${flags.join('')}`;
    })
    .join('\n');
}

const INTRODUCTION = `# Configuration of the syncer

<!-- Made from the schema by \`npm run reference\`; a test compares. -->

The constructs write one document per virtual cluster, ConfigMap \`NAME-configuration\`, of \`apiVersion: nestling.dev/v1alpha1\` and
\`kind: SyncerConfiguration\`. [configuration.schema.json](configuration.schema.json) is its JSON schema. Fields that are not known and
settings that contradict each other stop the start, with the field's path.

Every field is a flag of \`init\` and \`run\`, too, which wins over the document. Lists are written with commas, or the flag is repeated;
what is neither text, number, choice nor list of those is written as JSON. \`run\` takes what \`init\` checked and left in its
directory; with flags, or a document of its own, it checks anew, and refuses what keys and files were not made for.
\`--print-configuration\` shows what comes out, \`--print-schema\` the schema, \`--help\` what is below.
`;

/** The reference of the document, in Markdown. */
export function configurationReference(groups: readonly FieldGroup[]): string {
  return `${INTRODUCTION}\n${groups.map(section).join('\n')}`;
}

function section({ path, description, fields }: FieldGroup): string {
  const rows = fields.map((field) => {
    const cells = [values(field), standard(field), field.description].map(cell).join(' | ');
    return `| \`${field.path.at(-1)}\` | \`--${field.flag}\` | ${cells} |`;
  });
  const head = ['| field | flag | values | default | what it is |', '| --- | --- | --- | --- | --- |'];
  return [`## \`${pathText(path)}\``, '', description, '', ...head, ...rows, ''].join('\n');
}

function argument({ type, allowed }: ConfigurationField): string {
  if (type === 'boolean') return '[=true|false]';
  const one = allowed.length > 0 ? allowed.join('|') : type === 'number' || type === 'numbers' ? 'NUMBER' : 'TEXT';
  if (type === 'json') return ' JSON';
  return type === 'strings' || type === 'numbers' ? ` ${one},...` : ` ${one}`;
}

function explanation(field: ConfigurationField): string {
  const { description, type, minimum, maximum } = field;
  const notes = [
    ...(minimum !== undefined && maximum !== undefined ? [`${minimum} to ${maximum}`] : []),
    ...(type === 'strings' || type === 'numbers' ? ['may be repeated'] : []),
    ...(field.required ? ['required'] : field.default === undefined ? [] : [`default ${shownDefault(field)}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

function values({ type, allowed, minimum, maximum }: ConfigurationField): string {
  const bounds = minimum !== undefined && maximum !== undefined ? `${minimum} to ${maximum}` : 'number';
  const choice = allowed.map((value) => `\`${value}\``).join(', ');
  switch (type) {
    case 'boolean':
      return '`true`, `false`';
    case 'string':
      return choice || 'text';
    case 'number':
      return bounds;
    case 'strings':
      return `list of ${choice || 'texts'}`;
    case 'numbers':
      return `list of ${bounds}`;
    case 'json':
      return 'as the schema says; the flag takes JSON';
  }
}

function standard(field: ConfigurationField): string {
  if (field.required) return '**required**';
  return field.default === undefined ? '' : `\`${shownDefault(field)}\``;
}

const shownDefault = (field: ConfigurationField): string => {
  if (Array.isArray(field.default) && field.default.length === 0) return 'none';
  // As the flag takes it, and in words that a terminal can wrap.
  if (field.type === 'strings' || field.type === 'numbers') return (field.default as readonly unknown[]).join(', ');
  return typeof field.default === 'string' ? field.default : JSON.stringify(field.default);
};

/** A pipe would end the cell, inside of code too. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function wrapped(text: string, columns: number): string {
  const indent = ' '.repeat(columns);
  let line = indent;
  let result = '';
  for (const word of text.split(' ')) {
    if (line.length > columns && line.length + word.length > WIDTH) {
      result += `${line.trimEnd()}\n`;
      line = indent;
    }
    line += `${word} `;
  }
  return `${result}${line.trimEnd()}\n`;
}
