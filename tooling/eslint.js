import { defineConfig, includeIgnoreFile } from 'eslint/config';
import { resolve } from 'node:path';
import tseslint from 'typescript-eslint';

const root = resolve(import.meta.dirname, '..');

/**
 * What only one file of the library may touch, by kind. Time, randomness and output are parameters everywhere else,
 * and only `module.ts` files and the registry know the container.
 */
const reserved = {
  time: {
    globals: ['setTimeout', 'setInterval'],
    properties: [['Date', 'now']],
    syntax: [":matches(NewExpression, CallExpression)[callee.name='Date'][arguments.length=0]"],
    imports: ['node:timers', 'node:timers/promises', 'timers', 'timers/promises'],
    message: 'Take a Clock as a parameter; only packages/core/src/clock.ts reads the real one.',
  },
  random: {
    properties: [['Math', 'random']],
    message: 'Take the source of randomness as a parameter; only packages/core/src/random.ts has one.',
  },
  output: {
    globals: ['console'],
    message: 'Take a Logger as a parameter; only packages/core/src/logger.ts writes.',
  },
  inversify: {
    imports: ['inversify'],
    message: 'Only module.ts files and the registry know the container.',
  },
  locator: {
    syntax: ['name', 'property.name'].map(
      (path) => `CallExpression[callee.property.name=/^get(All)?(Async)?$/][callee.object.${path}=/container$/i]`,
    ),
    message: 'Dependencies come by constructor; only the registry asks the container.',
  },
};

/** The rules that forbid every reserved thing except the kinds named. */
function forbidAllBut(...allowed) {
  const kinds = Object.entries(reserved).flatMap(([kind, rule]) => (allowed.includes(kind) ? [] : [rule]));
  const list = (key, entry) =>
    kinds.flatMap((kind) => (kind[key] ?? []).map((value) => ({ ...entry(value), message: kind.message })));
  return {
    'no-restricted-globals': ['error', ...list('globals', (name) => ({ name }))],
    'no-restricted-properties': ['error', ...list('properties', ([object, property]) => ({ object, property }))],
    'no-restricted-syntax': ['error', ...list('syntax', (selector) => ({ selector }))],
    'no-restricted-imports': ['error', { paths: list('imports', (name) => ({ name })) }],
  };
}

const tests = ['**/*.test.ts', '**/*.test-d.ts', '**/test/**'];

export default defineConfig(
  includeIgnoreFile(resolve(root, '.gitignore')),
  { ignores: ['**/*.{js,cjs,mjs}', '**/tsup.config.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: root } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off', // ports are asynchronous; not every adapter has to wait
    },
  },

  { files: ['packages/**/src/**/*.ts'], ignores: tests, rules: forbidAllBut() },
  { files: ['packages/core/src/clock.ts'], rules: forbidAllBut('time') },
  { files: ['packages/core/src/random.ts'], rules: forbidAllBut('random') },
  { files: ['packages/core/src/logger.ts'], rules: forbidAllBut('output') },
  { files: ['packages/**/src/module.ts'], rules: forbidAllBut('inversify') },
  { files: ['packages/registry/src/**/*.ts'], ignores: tests, rules: forbidAllBut('inversify', 'locator') },
  {
    files: ['examples/**/*.ts', 'bench/**/*.ts', 'chaos/**/*.ts'],
    rules: forbidAllBut('time', 'random', 'output', 'inversify'),
  },
  {
    files: tests,
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
