// One configuration for unit, integration and end-to-end tests; test/all.ts picks the folder.
/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/{unit,integration,e2e,long,versions}/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    // `import()` names the JavaScript that a module becomes.
    '^(\\.{1,2}/(?:.*/)?(?:constructs|settings-file)/index)\\.js$': '$1',
    // Pulumi's plugin has a package of its own, which asks for ours.
    '^nestling/pulumi/plain$': '<rootDir>/pulumi-provider/plain.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/'],
  testEnvironment: 'node',
  testSequencer: '<rootDir>/test/slow-first.cjs',
};
