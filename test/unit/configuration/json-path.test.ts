import * as fc from 'fast-check';
import { jsonPath, jsonPathText, parseJsonPath, type JsonPathPart } from '../../../syncer/configuration';

const key = (text: string): JsonPathPart => ({ key: text });
const every: JsonPathPart = { every: true };

describe('a path', () => {
  test.each([
    ['spec.secretName', [key('spec'), key('secretName')]],
    ['spec.rules[*].host', [key('spec'), key('rules'), every, key('host')]],
    ['metadata.annotations["example.org/a.b"]', [key('metadata'), key('annotations'), key('example.org/a.b')]],
    ['["a b"].c', [key('a b'), key('c')]],
    ['spec.x-kubernetes-y.$ref', [key('spec'), key('x-kubernetes-y'), key('$ref')]],
    ['a["quote \\" and \\u00e9"]', [key('a'), key('quote " and é')]],
    ['__proto__.constructor', [key('__proto__'), key('constructor')]],
  ])('%s is read', (text, parts) => {
    expect(jsonPath(text)).toEqual(parts);
  });

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a[0]',
    'a[*',
    'a[b]',
    "a['b']",
    'a["b',
    'a["\\x"]',
    'a.*',
    '$..a',
    'a[?(@.b)]',
  ])('%j is told to be none', (text) => {
    expect(parseJsonPath(text)).toEqual({ problem: expect.stringMatching(/is no path|is empty/) as string });
  });

  test('has bounds', () => {
    expect(parseJsonPath('a'.repeat(513))).toEqual({ problem: 'has 513 characters: a path has at most 512' });
    expect(parseJsonPath(Array<string>(33).fill('a').join('.'))).toEqual({
      problem: 'has 33 parts: a path has at most 32',
    });
  });

  test('is read back from its text, whatever its keys are', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 12, unit: 'binary' }).map(key),
      fc.constantFrom('__proto__', 'a.b', 'spec', '*').map(key),
      fc.constant(every),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (path) => {
        const text = jsonPathText(path);
        fc.pre(text.length <= 512);
        expect(jsonPath(text)).toEqual(path);
      }),
    );
  });
});
