import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../../..');
const file = join(__dirname, 'impossible-combinations.ts');
const EXPECTATION = '// @ts-expect-error';

/** Lines, from 1, on which the compiler finds a mistake when nothing tells it to expect one. */
function linesWithErrors(): Map<number, string> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [file] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...more) =>
    name === file
      ? ts.createSourceFile(name, readFileSync(name, 'utf8').replaceAll(EXPECTATION, '//'), ts.ScriptTarget.ES2023)
      : getSourceFile.call(host, name, ...more);
  const program = ts.createProgram([file], { ...options, noEmit: true }, host);
  const found = new Map<number, string>();
  const source = program.getSourceFile(file);
  for (const { start = 0, messageText } of program.getSemanticDiagnostics(source)) {
    const line = (source?.getLineAndCharacterOfPosition(start).line ?? -1) + 1;
    found.set(line, ts.flattenDiagnosticMessageText(messageText, '\n'));
  }
  return found;
}

test('every impossible combination is a mistake to the compiler, and nothing else is', () => {
  const lines = readFileSync(file, 'utf8').split('\n');
  const expected = lines.flatMap((line, index) => (line.trim().startsWith(EXPECTATION) ? [index + 2] : []));
  const found = linesWithErrors();
  expect([...found.keys()].sort((one, other) => one - other)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(50);
});
