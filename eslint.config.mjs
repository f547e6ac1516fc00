import tseslint from 'typescript-eslint';

/**
 * Which rooms may not be imported from a room: imports point one way (docs/architecture.md).
 * A room's name is the first folder below the root, or `syncer/x`.
 */
const rooms = {
  'syncer/configuration': [],
  'syncer/translation': ['syncer/configuration'],
  'syncer/policy': ['syncer/configuration', 'syncer/translation'],
  'syncer/kube-client': [],
  'syncer/engine': ['syncer/kube-client'],
  'syncer/election': ['syncer/kube-client', 'syncer/engine'],
  'syncer/store': ['syncer/kube-client', 'syncer/engine'],
  'syncer/pki': ['syncer/configuration', 'syncer/translation', 'syncer/kube-client'],
  'syncer/bootstrap': [
    'syncer/configuration',
    'syncer/translation',
    'syncer/kube-client',
    'syncer/engine',
    'syncer/pki',
  ],
  'syncer/admission': [
    'syncer/configuration',
    'syncer/translation',
    'syncer/policy',
    'syncer/kube-client',
    'syncer/engine',
  ],
  'syncer/sleep': ['syncer/configuration', 'syncer/translation', 'syncer/kube-client'],
  'syncer/gateway': [
    'syncer/configuration',
    'syncer/translation',
    'syncer/policy',
    'syncer/kube-client',
    'syncer/engine',
    'syncer/pki',
  ],
  'syncer/kinds': [
    'syncer/configuration',
    'syncer/translation',
    'syncer/policy',
    'syncer/kube-client',
    'syncer/engine',
    'syncer/pki',
  ],
  constructs: ['syncer/configuration', 'syncer/translation', 'syncer/policy'],
  'constructs/spec': ['syncer/configuration', 'syncer/translation', 'syncer/policy'],
  'constructs/control-plane': ['constructs/spec', 'syncer/configuration', 'syncer/translation', 'syncer/policy'],
  'pulumi-provider': [
    'constructs',
    'constructs/spec',
    'constructs/control-plane',
    'syncer/configuration',
    'syncer/translation',
    'syncer/policy',
  ],
  cli: [
    'constructs',
    'syncer/configuration',
    'syncer/translation',
    'syncer/policy',
    'syncer/kube-client',
    'syncer/sleep',
    'syncer/pki',
  ],
};
const syncerRooms = Object.keys(rooms).filter((room) => room.startsWith('syncer/'));
const outside = ['images', 'examples', 'test', 'tasks'];

function forbidden(room) {
  const allowed = new Set([room, ...rooms[room]]);
  const everywhere = [...Object.keys(rooms), ...outside].filter((other) => !allowed.has(other));
  // Relative specifiers name a sibling syncer room without the `syncer/` in front.
  return everywhere.flatMap((other) => {
    const short = other.replace(/^syncer\//, '');
    return room.startsWith('syncer/') && syncerRooms.includes(other)
      ? [`../${short}`, `../${short}/**`, `../../${short}`, `../../${short}/**`]
      : [`**/${other}`, `**/${other}/**`];
  });
}

/** Rooms whose functions are pure: no network, clock, file or random source. */
const pure = [
  'syncer/configuration',
  'syncer/translation',
  'syncer/policy',
  'constructs/control-plane',
  'constructs/spec',
];

export default tseslint.config(
  { ignores: ['dist/**', 'build/**', 'node_modules/**', 'coverage/**', 'cdk8s.out/**', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
    },
  },
  ...Object.keys(rooms).map((room) => ({
    files: [`${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: forbidden(room),
              message: `${room} may import only: ${rooms[room].join(', ') || 'nothing of ours'}`,
            },
            ...(pure.includes(room)
              ? [
                  {
                    group: ['node:*', '!node:crypto', '!node:net', 'fs', 'http', 'https', 'undici', 'pino'],
                    message: `${room} is pure`,
                  },
                ]
              : []),
          ],
        },
      ],
      ...(pure.includes(room)
        ? {
            'no-restricted-globals': ['error', 'fetch', 'setTimeout', 'setInterval', 'process', 'performance'],
            'no-restricted-properties': [
              'error',
              { object: 'Date', property: 'now' },
              { object: 'Math', property: 'random' },
            ],
          }
        : {}),
    },
  })),
);
