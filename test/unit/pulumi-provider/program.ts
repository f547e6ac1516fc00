import * as pulumi from '@pulumi/pulumi';

/** A resource that a program registered. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const KUBECONFIG = `apiVersion: v1
kind: Config
clusters:
  - name: my-vc1.team-a
    cluster: { server: https://my-vc1.team-a.svc:443 }
users:
  - name: admin.my-vc1.team-a
    user: { client-key-data: cHJpdmF0ZQ== }
`;

/**
 * Runs a program against an engine that makes every resource at once, as the kubernetes provider would, and remembers it. The syncer's
 * Secret is there as soon as it is asked for.
 */
export async function run<T>(
  program: () => T,
  { preview = false }: { readonly preview?: boolean } = {},
): Promise<{ readonly result: T; readonly resources: readonly Registered[]; readonly reads: readonly string[] }> {
  const resources: Registered[] = [];
  const reads: string[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        const properties = inputs as Record<string, unknown>;
        // The engine does not look for what has no id yet, and nothing is known of it.
        if (id === pulumi.runtime.unknownValue) return { id, state: {} };
        if (id !== undefined && id !== '') {
          reads.push(id);
          return { id, state: { ...properties, data: { config: Buffer.from(KUBECONFIG).toString('base64') } } };
        }
        resources.push({ type, name, inputs: properties });
        const metadata = { ...(properties['metadata'] as object | undefined), uid: `uid-of-${name}` };
        return { id: preview ? undefined : name, state: { ...properties, metadata } };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    'project',
    'stack',
    preview,
  );
  const result = program();
  await pulumi.runtime.disconnect();
  return { result, resources, reads };
}

/** What an output has, once it is known. */
export const valueOf = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    output.apply(resolve);
    (output as unknown as { promise(): Promise<T> }).promise().catch(reject);
  });

/** The objects of the host that a program registered, in an order of their own. */
export const hostObjects = (resources: readonly Registered[]): Record<string, unknown>[] =>
  resources
    .filter(({ type }) => type.startsWith('kubernetes:'))
    .map(({ inputs }) => inputs)
    .sort(byIdentity);

/** Compares objects by kind and name. */
export function byIdentity(one: Record<string, unknown>, other: Record<string, unknown>): number {
  const text = (object: Record<string, unknown>): string =>
    `${String(object['kind'])} ${(object['metadata'] as { name?: string } | undefined)?.name}`;
  return text(one).localeCompare(text(other));
}
