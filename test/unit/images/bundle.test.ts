import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleSyncer } from '../../../images';

const root = dirname(dirname(dirname(__dirname)));
const directory = mkdtempSync(join(tmpdir(), 'nestling-bundle-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('a syncer that runs loads neither the schema library nor the YAML parser: init has checked the configuration', async () => {
  const { inputs } = await bundleSyncer({
    entry: join(root, 'syncer', 'run.ts'),
    outfile: join(directory, 'run.js'),
  });
  expect(inputs).toContain(join(root, 'syncer', 'engine', 'reflector.ts'));
  expect(inputs.filter((path) => /node_modules\/(zod|yaml)\//.test(path))).toEqual([]);
});
