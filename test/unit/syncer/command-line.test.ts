import { nearest, type OptionForm, parseCommandLine, UsageError } from '../../../syncer/command-line';

const FORMS: ReadonlyMap<string, OptionForm> = new Map([
  ['directory', 'value'],
  ['dns-enabled', 'boolean'],
  ['help', 'switch'],
]);
const parse = (...args: string[]) => parseCommandLine(args, FORMS);

test('options stand before or after words, with their value behind a space or an equals sign', () => {
  expect(parse('--directory', '/a', 'run', '--directory=/b=c')).toEqual({
    words: ['run'],
    options: [
      { name: 'directory', text: '/a' },
      { name: 'directory', text: '/b=c' },
    ],
    unknown: [],
  });
});

test('a boolean option alone is true, and takes true or false only', () => {
  const texts = (...args: string[]) => parse(...args).options.map(({ text }) => text);
  expect(texts('--dns-enabled')).toEqual(['true']);
  expect(texts('--dns-enabled=false')).toEqual(['false']);
  expect(parse('--dns-enabled', 'false', 'run')).toMatchObject({ words: ['run'], options: [{ text: 'false' }] });
  expect(parse('--dns-enabled', 'run')).toMatchObject({ words: ['run'], options: [{ text: 'true' }] });
});

test('a value may be empty or negative, but not missing', () => {
  expect(parse('--directory=').options).toEqual([{ name: 'directory', text: '' }]);
  expect(parse('--directory', '-1').options).toEqual([{ name: 'directory', text: '-1' }]);
  expect(() => parse('--directory')).toThrow(new UsageError('--directory needs a value: write --directory=VALUE'));
  expect(() => parse('--directory', '--help')).toThrow(UsageError);
  expect(() => parse('--help=yes')).toThrow(new UsageError('--help takes no value'));
});

test('options that are not known are told apart, their values not', () => {
  expect(parse('-h', '--unknown', 'x', '-v', '--other=1')).toEqual({
    words: ['x'],
    options: [{ name: 'help', text: 'true' }],
    unknown: ['unknown', 'v', 'other'],
  });
});

test('the nearest name is one that a slip explains', () => {
  const names = ['dns-replicas', 'dns-enabled', 'dns-image', 'logging-level'];
  expect(nearest('dns-replica', names)).toBe('dns-replicas');
  expect(nearest('log-level', names)).toBeUndefined();
  expect(nearest('loging-level', names)).toBe('logging-level');
  expect(nearest('dsn-image', names)).toBe('dns-image');
  expect(nearest('whatever', names)).toBeUndefined();
});
