import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/*
 * Writes the lists of API fields that the tests compare the tables of the translation with: every field of a type in the
 * schemas that a release of Kubernetes publishes in its Go module. For a new release: change VERSIONS, run
 * `npm run api-fields`, and let the tests say which fields the tables lack.
 */

/** Newest release of each of the newest three minors. */
const VERSIONS = ['v1.35.4', 'v1.36.3', 'v1.37.2'];

/** A type that is translated, and what its list is called. */
const TYPES = [
  { list: 'pod-spec', schema: 'api__v1', name: 'io.k8s.api.core.v1.PodSpec' },
  { list: 'service-spec', schema: 'api__v1', name: 'io.k8s.api.core.v1.ServiceSpec' },
  { list: 'ingress-spec', schema: 'apis__networking.k8s.io__v1', name: 'io.k8s.api.networking.v1.IngressSpec' },
  {
    list: 'network-policy-spec',
    schema: 'apis__networking.k8s.io__v1',
    name: 'io.k8s.api.networking.v1.NetworkPolicySpec',
  },
  { list: 'persistent-volume-claim-spec', schema: 'api__v1', name: 'io.k8s.api.core.v1.PersistentVolumeClaimSpec' },
  {
    list: 'resource-claim-spec',
    schema: 'apis__resource.k8s.io__v1',
    name: 'io.k8s.api.resource.v1.ResourceClaimSpec',
  },
  { list: 'endpoint-slice', schema: 'apis__discovery.k8s.io__v1', name: 'io.k8s.api.discovery.v1.EndpointSlice' },
  {
    list: 'pod-disruption-budget-spec',
    schema: 'apis__policy__v1',
    name: 'io.k8s.api.policy.v1.PodDisruptionBudgetSpec',
  },
];

/** Not listed: what every object has; init and ephemeral containers have the fields of containers, and a claim's template those of a claim. */
const LEFT_OUT = new Set([
  'apiVersion',
  'kind',
  'metadata',
  'initContainers[]',
  'ephemeralContainers[]',
  'volumes[].ephemeral.volumeClaimTemplate',
]);

const FOLDER = join(__dirname, '..', 'test', 'unit', 'translation', 'api-fields');

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
}

/** Paths of all fields below a schema, in its order: `[]` after a list, `{}` after a map. */
function* fields(schemas: Record<string, Schema>, schema: Schema, path: string): Generator<string> {
  if (LEFT_OUT.has(path)) return;
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  const resolved = reference === undefined ? schema : (schemas[reference.split('/').at(-1) ?? ''] ?? {});
  if (resolved.type === 'array' && resolved.items) yield* fields(schemas, resolved.items, `${path}[]`);
  else if (resolved.properties) {
    for (const [name, property] of Object.entries(resolved.properties)) {
      yield* fields(schemas, property, path === '' ? name : `${path}.${name}`);
    }
  } else yield resolved.additionalProperties ? `${path}{}` : path;
}

/** Folder of a release's source in Go's module cache, fetched where it is not there. */
async function source(version: string): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', `k8s.io/kubernetes@${version}`], {
    cwd: tmpdir(), // no module is here, whose requirements would count
  });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

async function main(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const version of VERSIONS) {
    const folder = join(await source(version), 'api', 'openapi-spec', 'v3');
    const minor = version.replace(/\.\d+$/, '');
    for (const { list, schema, name } of TYPES) {
      const { components } = JSON.parse(await readFile(join(folder, `${schema}_openapi.json`), 'utf8')) as {
        components: { schemas: Record<string, Schema> };
      };
      const root = components.schemas[name];
      if (root === undefined) throw new Error(`${version} has no ${name} in ${schema}_openapi.json`);
      const lines = [...fields(components.schemas, root, '')];
      await writeFile(join(FOLDER, `${list}.${minor}.fields`), `${lines.join('\n')}\n`);
      console.log(`${list} ${version}: ${lines.length} fields`);
    }
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
