import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicModules } from '../../../tasks/api-reference/surface';
import { settingsJsonSchema } from '../../../tasks/settings-schema';

const root = join(__dirname, '../../..');

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
}

const schema = settingsJsonSchema(publicModules(root)) as Schema;

test('docs/virtual-cluster.schema.json is that of the settings files: else run npm run reference', () => {
  const written = readFileSync(join(root, 'docs/virtual-cluster.schema.json'), 'utf8');
  expect(written).toBe(`${JSON.stringify(schema, undefined, 2)}\n`);
});

test('every property has words that say what it is', () => {
  for (const [name, { description = '' }] of Object.entries(schema.properties ?? {})) {
    expect([name, description.length > 10]).toEqual([name, true]);
  }
  const store = schema.properties?.['store']?.anyOf?.[1]?.oneOf?.find(
    ({ properties }) => properties?.['type']?.const === 'etcd',
  );
  expect(store?.properties?.['prefix']?.description).toMatch(
    /^What all keys begin with: .*Default: \/nestling\/NAMESPACE\/NAME$/,
  );
  expect(schema.properties?.['replicas']?.description).toMatch(/ Default: 1$/);
});

test('it says nothing of how it was made', () => {
  expect(JSON.stringify(schema)).not.toContain('propsOf');
});
