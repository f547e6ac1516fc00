import * as z from 'zod';
import { PROPS_OF, settingsSchema, VALUES_OF } from '../constructs/settings';
import type { PublicItem, PublicModule } from './api-reference/surface';

type Schema = Record<string, unknown>;

/**
 * JSON Schema (draft 2020-12) of the settings files that the command line reads. What a field means is said by the doc comment of the property of
 * the same name.
 *
 * @param modules what the package exports
 * @throws Error for a field that no property describes
 */
export function settingsJsonSchema(modules: readonly PublicModule[]): Schema {
  const items = new Map(modules.flatMap(({ items: all }) => all.map((item) => [item.name, item] as const)));
  const schema = described(z.toJSONSchema(settingsSchema, { io: 'input' }), items) as Schema;
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Settings of a virtual cluster', ...rest };
}

function described(value: unknown, items: ReadonlyMap<string, PublicItem>): unknown {
  if (Array.isArray(value)) return value.map((one) => described(one, items));
  if (typeof value !== 'object' || value === null) return value;
  const { [PROPS_OF]: name, ...schema } = value as Schema;
  delete schema[VALUES_OF];
  const all = Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, described(one, items)]));
  if (typeof name !== 'string') return all;
  const members = commentsOf(name, items);
  const properties = Object.entries(all['properties'] as Readonly<Record<string, Schema>>).map(([field, one]) => {
    if (field === 'type' && 'const' in one) return [field, one];
    const description = members.get(field);
    if (description === undefined) throw new Error(`${name}.${field} has no doc comment, or ${name} is not exported`);
    return [field, { description, ...one }];
  });
  return { ...all, properties: Object.fromEntries(properties) as Schema };
}

/** Doc comments by property, those of what an interface extends too. */
export function commentsOf(name: string, items: ReadonlyMap<string, PublicItem>): ReadonlyMap<string, string> {
  const item = items.get(name);
  const inherited = (item?.bases ?? []).flatMap(([, base]) => [...commentsOf(base, items)]);
  const own = (item?.members ?? []).map(({ name: member, comment }) => [member, oneParagraph(comment)] as const);
  return new Map([...inherited, ...own]);
}

function oneParagraph({ text, defaultValue }: PublicItem['comment']): string {
  const whole = text.replaceAll(/\s+/g, ' ').replaceAll('`', '');
  if (defaultValue === undefined) return whole;
  return `${whole} Default: ${defaultValue.replaceAll(/\s+/g, ' ').replace(/^- /, '')}`;
}
