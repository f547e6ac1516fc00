import { age, Output, outputFormat, table } from '../../../cli/output';
import { progressOn } from '../../../cli/progress';

const sink = (isTTY: boolean, columns = 80) => {
  let text = '';
  return { isTTY, columns, write: (part: string) => (text += part), text: () => text };
};

test('a table has columns of equal width and nothing at the end of its lines', () => {
  const text = table(
    ['NAME', 'CONNECTED', 'AGE'],
    [
      ['my-vc1', '', '5s'],
      ['b', '*', ''],
    ],
  );
  expect(text).toBe('NAME     CONNECTED   AGE\nmy-vc1               5s\nb        *\n');
});

test.each([
  [-5, '0s'],
  [119_999, '119s'],
  [120_000, '2m'],
  [179 * 60_000, '179m'],
  [180 * 60_000, '3h'],
  [200 * 60_000, '3h20m'],
  [48 * 3_600_000, '2d'],
])('%d ms are %s', (milliseconds, text) => expect(age(milliseconds)).toBe(text));

test('a result is either JSON or text, and nothing else is written', () => {
  const [json, text] = [sink(false), sink(false)];
  new Output('json', json).result({ name: 'a' }, () => 'the cluster a');
  new Output('text', text).result({ name: 'a' }, () => 'the cluster a');
  expect([json.text(), text.text()]).toEqual(['{\n  "name": "a"\n}\n', 'the cluster a\n']);
  expect(() => outputFormat('yaml')).toThrow('--output yaml is not known: write text or json');
});

test('without a terminal progress is plain lines, one for each change', () => {
  const stream = sink(false);
  const progress = progressOn(stream);
  progress.waiting('pod: pulling image');
  progress.waiting('pod: pulling image');
  progress.note('Failed: no such image');
  progress.waiting('pod: running');
  progress.clear();
  expect(stream.text()).toBe('pod: pulling image\nFailed: no such image\npod: running\n');
});

test('a terminal shows one line, cut to its width, and takes it away in the end', () => {
  const stream = sink(true, 30);
  let now = 0;
  const progress = progressOn(stream, () => now);
  progress.waiting('short');
  now = 3000;
  progress.waiting('a text that is longer than the terminal is wide');
  progress.note('an event');
  progress.clear();
  const erase = '\r\u001b[K';
  const cut = 'a text that is longer than t…';
  expect(cut).toHaveLength(29);
  expect(stream.text()).toBe(`${erase}short${erase}${cut}${erase}an event\n${erase}${cut}${erase}`);
});
