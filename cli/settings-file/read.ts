import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { ConfigurationError, problemLine } from '../../syncer/configuration';
import { readDocument } from '../../syncer/configuration/document';
import { Failure, UsageFailure } from '../failure';
import { plainForm, propsFromPlain, type PlainSettings } from './plain-form';
import { loadTypeScript } from './type-script';

const CODE = ['.ts', '.mts', '.cts', '.js', '.mjs'];
const DATA = ['.yaml', '.yml', '.json'];

/**
 * The settings in a file: TypeScript or JavaScript whose default export is the properties of the construct, or YAML or JSON with their plain
 * form. Checked, and as plain form.
 *
 * @param file relative to the working directory
 * @throws Failure with the file, the path of each wrong field, its value and the remedy
 */
export async function readSettings(file: string): Promise<PlainSettings> {
  const extension = extname(file).toLowerCase();
  if (CODE.includes(extension)) return plainForm(await loadTypeScript(resolve(file), file), file);
  if (!DATA.includes(extension)) {
    throw new UsageFailure(`--file ${file} has no known ending: name it ${[...CODE.slice(0, 1), ...DATA].join(', ')}`);
  }
  const plain = parsed(await textOf(file), file);
  // What it says is decoded later, with what flags add; here it is told what is wrong with the file.
  propsFromPlain(plain, file);
  return plain as PlainSettings;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
    throw new Failure(`settings file ${file} ${what}: check its name`, { cause: error });
  }
}

function parsed(text: string, file: string): unknown {
  try {
    // An empty file says nothing, as one with {} does.
    return readDocument(text) ?? {};
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new Failure([`settings file ${file} cannot be used:`, ...error.problems.map(problemLine)].join('\n  '), {
      cause: error,
    });
  }
}
