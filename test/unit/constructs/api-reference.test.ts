import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Size } from 'cdk8s';
import { Store, synthLocked, VirtualCluster } from '../../../constructs';
import { apiReference } from '../../../tasks/api-reference/markdown';
import { missingComments, publicModules, type PublicModule } from '../../../tasks/api-reference/surface';

const root = join(__dirname, '..', '..', '..');
const modules = publicModules(root);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-reference-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What is found in a package of one file. */
function packageOf(source: string): readonly PublicModule[] {
  const target = { types: './dist/lib/index.d.ts' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'some', exports: { '.': target } }));
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib', 'index.ts'), source);
  return publicModules(folder);
}

test('docs/api.md is made from the doc comments as they are: else run npm run reference', () => {
  const published = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
  const made = apiReference(modules);
  // Not a comparison of two long texts: the line is what helps.
  const [lines, wanted] = [published.split('\n'), made.split('\n')];
  const differs = wanted.findIndex((line, index) => line !== lines[index]);
  const where = `line ${differs + 1} of docs/api.md is not what the doc comments say: run npm run reference`;
  if (published !== made) throw new Error(`${where}\n  it is: ${lines[differs]}\n  and has to be: ${wanted[differs]}`);
});

test('every public member has a doc comment, and everything that may be left out says its default', () => {
  expect(modules.map(({ path }) => path)).toEqual([
    'nestling',
    'nestling/testing',
    'nestling/pulumi',
    'nestling/pulumi/plain',
  ]);
  expect(missingComments(modules)).toEqual([]);
});

test('the comments say of exactly those properties that they cannot be changed which the lock holds on to', () => {
  const app = new App({ outdir: join(folder, 'out') });
  const chart = new Chart(app, 'tenants', { namespace: 'tenants' });
  const store = Store.persistent({ size: Size.gibibytes(1), storageClassName: 'fast' });
  new VirtualCluster(chart, 'one', { serviceCIDR: '10.96.0.0/12', store });
  const endpoints = ['https://etcd.example.com:2379'];
  new VirtualCluster(chart, 'two', { store: Store.etcd({ endpoints, secretName: 'etcd', prefix: '/two' }) });
  synthLocked(app, join(folder, 'lock.json'));
  const lock = JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8')) as Record<string, Record<string, string>>;
  // Another type of store is another value of `store`.
  const locked = Object.values(lock).flatMap((properties) =>
    Object.keys(properties).map((name) => (name === 'store.type' ? 'store' : name)),
  );

  const items = modules.find(({ path }) => path === 'nestling')?.items ?? [];
  const said = items.flatMap(({ name, members }) => {
    const prefix = name.endsWith('StoreProps') ? 'store.' : '';
    return members.filter(({ comment }) => comment.isFixed).map((member) => `${prefix}${member.name}`);
  });
  expect(said.sort()).toEqual([...new Set(locked)].sort());
});

test('what has no comment or no default is found, and what is private or internal is not asked for', () => {
  const found = missingComments(
    packageOf(`
/** Commented. */
export interface Props {
  /** Commented. */
  readonly withoutDefault?: string;
  readonly bare: string;
  /** @default 1 */
  readonly onlyDefault?: number;
}
/** Commented. */
export class Thing {
  static of(): Thing { return new Thing('', ''); }
  #hidden = 1;
  private readonly secret = this.#hidden;
  /** @internal */
  readonly internal = this.secret;
  private constructor(readonly property: string, parameter: string) {}
}
export type Choice =
  | {
      /** Commented. */
      readonly one: 1;
    }
  | { readonly two?: 2 };
interface NotExported { readonly bare: string }
`),
  );
  expect(found).toEqual([
    'lib/index.ts:19: Choice has no doc comment',
    'lib/index.ts:24: Choice.two has no doc comment',
    'lib/index.ts:24: Choice.two has no @default',
    'lib/index.ts:5: Props.withoutDefault has no @default',
    'lib/index.ts:6: Props.bare has no doc comment',
    'lib/index.ts:8: Props.onlyDefault has no doc comment',
    'lib/index.ts:12: Thing.of has no doc comment',
    'lib/index.ts:17: Thing.property has no doc comment',
  ]);
});

test('an entry has kind, summary, members with type and default, what is thrown, and what cannot be changed', () => {
  const text = apiReference(
    packageOf(`
/** Where it is. */
export interface Place {
  /** Its name. */
  readonly name: string;
}
/** What it is. */
export interface Props extends Place {
  /**
   * How many. Cannot be changed after creation.
   *
   * @default 3
   */
  readonly count?: number;
  /**
   * Another one, see {@link Place}.
   *
   * @default - none
   */
  readonly place?: Place;
}
/**
 * Makes it.
 *
 * @param props what it is
 * @throws Error where there are too many
 */
export function make({ count = 3 }: Props): void {}
`),
  );
  expect(text.slice(text.indexOf('## some'))).toBe(`## some

- Functions:
  [make](#make)
- Interfaces:
  [Place](#place),
  [Props](#props)

### make

Function \`make(props: Props): void\`.

Makes it.
\`props\`: what it is.
Throws Error where there are too many.

### Place

Interface.

Where it is.

- **\`name\`**: \`string\` — Its name.

### Props

Interface, extends [\`Place\`](#place).

What it is.

- **\`count?\`**: \`number\` — How many. **Cannot be changed after creation.**
  Default: \`3\`.
- **\`place?\`**: [\`Place\`](#place) — Another one, see \`Place\`.
  Default: none.
`);
});

test('an export that the reference cannot tell about is a mistake, not left out', () => {
  expect(() => packageOf('export namespace Some { export const one = 1; }')).toThrow(
    'lib/index.ts:1: the reference does not know how to tell what Some is',
  );
});
