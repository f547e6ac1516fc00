import fc from 'fast-check';
import { LineSplitter } from '../../../syncer/kube-client/lines';

function split(chunks: readonly Uint8Array[], limit?: number): string[] {
  const splitter = new LineSplitter(limit);
  const lines = chunks.flatMap((chunk) => [...splitter.push(chunk)]);
  const rest = splitter.end();
  return rest === '' ? lines : [...lines, rest];
}

test('lines do not depend on where chunks end, even inside a character', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', '-'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(64)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const chunks: Buffer[] = [];
      let start = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(start, start + cut));
        start += cut;
      }
      chunks.push(bytes.subarray(start));
      expect(split(chunks)).toEqual(lines);
    }),
  );
});

test('a stream without newlines does not fill the memory', () => {
  const splitter = new LineSplitter(10);
  expect([...splitter.push(Buffer.from('123456789'))]).toEqual([]);
  expect(() => [...splitter.push(Buffer.from('0ab'))]).toThrow(/longer than 10 bytes/);
  expect(() => split([Buffer.from('12345678901\n')], 10)).toThrow(RangeError);
});

test('empty lines are skipped and a last line needs no newline', () => {
  expect(split([Buffer.from('\n\na\n\nb')])).toEqual(['a', 'b']);
});
