import * as cdk8s from 'cdk8s';
import * as constructs from '../../constructs';
import { Failure } from '../failure';

/**
 * The default export of a file of TypeScript or JavaScript. It is run, not type-checked: editors and compilers do that. What it imports
 * from `nestling` and `cdk8s` are the packages that this program uses itself, wherever it is installed.
 *
 * @param path absolute
 * @param name for errors
 * @throws Failure for a file that is not there, does not run or exports nothing
 */
export async function loadTypeScript(path: string, name: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(path, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules: { nestling: constructs, cdk8s },
  });
  let loaded: { readonly default?: unknown };
  try {
    loaded = await jiti.import(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || (code === 'MODULE_NOT_FOUND' && message.includes(path));
    const what = missing ? 'is not there: check its name' : `does not run: ${message}`;
    throw new Failure(`settings file ${name} ${what}`, { cause: error });
  }
  if (loaded.default === undefined) {
    throw new Failure(
      `settings file ${name} has no default export: end it with export default { … } satisfies VirtualClusterProps`,
    );
  }
  return loaded.default;
}
