import { readFileSync } from 'node:fs';

/*
 * Writes the lists of fields that these tests compare the tables with. For a new version of Kubernetes:
 *   node --import tsx test/unit/translation/list-fields.ts api__v1_openapi.json PodSpec > test/unit/translation/pod-spec.fields
 * where the schema is api/openapi-spec/v3/api__v1_openapi.json of its source.
 * Init and ephemeral containers are left out, as they have the fields of containers (and targetContainerName).
 */

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
}

const [file = '', root = ''] = process.argv.slice(2);
const { components } = JSON.parse(readFileSync(file, 'utf8')) as { components: { schemas: Record<string, Schema> } };
const LEFT_OUT = new Set(['initContainers[]', 'ephemeralContainers[]', 'volumes[].ephemeral.volumeClaimTemplate']);

function* fields(schema: Schema, path: string): Generator<string> {
  if (LEFT_OUT.has(path)) return;
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  const resolved = reference === undefined ? schema : (components.schemas[reference.split('/').at(-1) ?? ''] ?? {});
  if (resolved.type === 'array' && resolved.items) yield* fields(resolved.items, `${path}[]`);
  else if (resolved.properties) {
    for (const [name, property] of Object.entries(resolved.properties)) {
      yield* fields(property, path === '' ? name : `${path}.${name}`);
    }
  } else yield resolved.additionalProperties ? `${path}{}` : path;
}

for (const field of fields(components.schemas[`io.k8s.api.core.v1.${root}`] ?? {}, '')) console.log(field);
