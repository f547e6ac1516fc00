import * as z from 'zod';
import { PROPS_OF, settingsSchema, VALUES_OF } from '../constructs/settings';
import type { PublicItem, PublicModule } from './api-reference/surface';
import { commentsOf } from './settings-schema';

type Schema = Readonly<Record<string, unknown>>;

/** Properties that may be outputs of other resources. */
const LATER: Readonly<Record<string, string>> = {
  namespace: 'pulumi.Input<string>',
  serviceCIDR: 'pulumi.Input<string>',
  apiServerNames: 'pulumi.Input<pulumi.Input<string>[]>',
};
const REQUIRED = 'namespace';

/** What is not as for the construct. */
const COMMENTS: Readonly<Record<string, string>> = {
  name: 'Name of the virtual cluster and prefix of its host objects. Cannot be changed after creation. Default: the name of the Pulumi resource.',
  namespace:
    "Namespace of the host cluster that holds the control plane and the tenant's pods. Cannot be changed after creation.",
};

/**
 * The arguments of the plugin's `VirtualCluster` as TypeScript, in types that Pulumi's analyzer accepts: the settings file's fields, with the
 * doc comments of the props. What is one of several maps becomes one interface of all their fields; which go together is checked
 * when it is read, as in a file.
 *
 * @param modules what the package exports
 */
export function pulumiArguments(modules: readonly PublicModule[]): string {
  const items = new Map(modules.flatMap(({ items: all }) => all.map((item) => [item.name, item] as const)));
  const interfaces = new Interfaces(items);
  interfaces.add(z.toJSONSchema(settingsSchema, { io: 'input' }) as Schema, 'VirtualClusterArgs');
  return [
    '/* eslint-disable @typescript-eslint/no-explicit-any -- the analyzer knows no other word for any value */',
    "import type * as pulumi from '@pulumi/pulumi';",
    '',
    '// Made from the settings that files have: npm run pulumi-schema',
    '',
    ...interfaces.texts(),
  ].join('\n');
}

interface Field {
  readonly type: string;
  readonly comment: string | undefined;
  readonly isRequired: boolean;
}

class Interfaces {
  readonly #made = new Map<string, string>();

  constructor(private readonly items: ReadonlyMap<string, PublicItem>) {}

  texts(): string[] {
    return [...this.#made.values()];
  }

  /** Makes an interface of a map, or of all maps of a choice, and gives its name. */
  add(schema: Schema, name: string): string {
    if (this.#made.has(name)) return name;
    this.#made.set(name, '');
    const variants = (schema['oneOf'] as Schema[] | undefined) ?? [schema];
    const fields = new Map<string, Field>();
    for (const variant of variants) {
      const comments = commentsOf((variant[PROPS_OF] as string | undefined) ?? '', this.items);
      const required = (variant['required'] ?? []) as string[];
      for (const [key, one] of Object.entries((variant['properties'] ?? {}) as Record<string, Schema>)) {
        const type = this.typeOf(one, `${name.replace(/(?:Settings|Args)$/, '')}${pascal(key)}`);
        const before = fields.get(key);
        fields.set(key, {
          type: before === undefined || before.type === type ? type : 'any',
          comment: before?.comment ?? comments.get(key),
          isRequired: required.includes(key) && (before?.isRequired ?? true),
        });
      }
    }
    const isEverywhere = (key: string): boolean =>
      variants.every((one) => Object.hasOwn(one['properties'] as object, key));
    const isRoot = name === 'VirtualClusterArgs';
    const lines = [...fields].flatMap(([key, { type, comment, isRequired }]) => {
      const choices = variants.flatMap((one) => valuesOf((one['properties'] as Record<string, Schema>)[key]));
      const isChoice = choices.length > 1;
      const only = variants.filter((one) => Object.hasOwn(one['properties'] as object, key));
      const text = [
        sentence((isRoot ? COMMENTS[key] : undefined) ?? comment),
        isChoice ? `One of ${[...new Set(choices)].join(', ')}.` : undefined,
        variants.length > 1 && !isEverywhere(key) ? `With ${only.flatMap((one) => tagOf(one)).join(', ')}.` : undefined,
      ].filter((part) => part !== undefined);
      const written = isRoot ? (LATER[key] ?? type) : type;
      const optional = (isRequired && isEverywhere(key)) || (isRoot && key === REQUIRED) ? '' : '?';
      return [...doc(text.join(' '), '  '), `  ${key}${optional}: ${written};`];
    });
    const about = isRoot
      ? 'What a virtual cluster is.'
      : (this.items.get(name.replace(/Settings$/, ''))?.comment.text ?? '');
    this.#made.set(
      name,
      [...doc(about.replaceAll(/\s+/g, ' '), ''), `export interface ${name} {`, ...lines, '}', ''].join('\n'),
    );
    return name;
  }

  typeOf(schema: Schema, path: string): string {
    const choice = schema['anyOf'] as Schema[] | undefined;
    if (choice !== undefined) {
      const map = choice.find((one) => VALUES_OF in one);
      if (map !== undefined) return this.typeOf(map, path);
      // A map among other things has no type there.
      if (choice.some(({ type }) => type === 'object')) return 'any';
      const types = new Set(choice.map((one) => this.typeOf(one, path)));
      // An amount may be written as a number, too; a text says the same.
      if (types.has('string') && types.has('number')) return 'string';
      return types.size === 1 ? [...types][0]! : 'any';
    }
    if ('oneOf' in schema) return this.add(schema, settingsName(String(schema[VALUES_OF] ?? path)));
    switch (schema['type']) {
      case 'string':
        return 'string';
      case 'boolean':
        return 'boolean';
      case 'integer':
      case 'number':
        return 'number';
      case 'array':
        return `${this.typeOf(schema['items'] as Schema, path)}[]`;
      case 'object': {
        if ('properties' in schema) return this.add(schema, settingsName(String(schema[PROPS_OF] ?? path)));
        const values = schema['additionalProperties'];
        return typeof values === 'object' ? `Record<string, ${this.typeOf(values as Schema, path)}>` : 'any';
      }
      default:
        return 'any';
    }
  }
}

/** Another name than that of the class or interface: in some languages arguments are named like this, too. */
function settingsName(name: string): string {
  return `${name.replace(/(?:Props|Settings)$/, '')}Settings`;
}

function sentence(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.endsWith('.') ? text : `${text}.`;
}

function valuesOf(schema: Schema | undefined): string[] {
  if (schema === undefined) return [];
  if ('const' in schema) return [String(schema['const'])];
  return ((schema['enum'] ?? []) as unknown[]).map(String);
}

/** By what a map is known among others: the value of its only fixed field. */
function tagOf(variant: Schema): string[] {
  const [tag] = Object.values(variant['properties'] as Record<string, Schema>).filter(
    (one) => 'const' in one || 'enum' in one,
  );
  return valuesOf(tag);
}

function doc(text: string, indent: string): string[] {
  return text === '' ? [] : [`${indent}/**`, `${indent} * ${text.replaceAll('*/', '*\\/')}`, `${indent} */`];
}

function pascal(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
