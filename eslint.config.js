import { readdirSync } from 'node:fs';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The folders of src that hold a part of the program each; what they share stands in core. */
const rooms = readdirSync(new URL('src', import.meta.url), { withFileTypes: true })
  .filter((item) => item.isDirectory() && item.name !== 'core')
  .map((item) => item.name);

/** Rooms that may use another one: journalctl's output is read by the same code wherever it comes from. */
const exceptions = { sources: ['formats'] };

/** `main → cli → forwarder → rooms → core`: whom the files in `target` must not import. */
const zones = [
  { target: './src/core', from: './src', except: ['./core'], message: 'core imports nothing outside itself.' },
  ...rooms.map((room) => ({
    target: `./src/${room}`,
    from: './src',
    except: ['core', room, ...(exceptions[room] ?? [])].map((name) => `./${name}`),
    message: 'Rooms import only core and themselves: hand the thing in, or move the contract to core.',
  })),
  { target: './src/!(main).ts', from: './src/main.ts', message: 'Nothing imports main.' },
  { target: './src/!(main|cli).ts', from: './src/cli.ts', message: 'Only main imports cli.' },
  { target: './src', from: ['./test', './bench'], message: 'src knows nothing of its tests.' },
];

const processMessage = 'Only main.ts and cli.ts know the process: have it handed in.';

export default defineConfig(
  // AssemblyScript has types and operators of its own: its compiler checks it.
  { ignores: ['dist/', '.cache/', 'node_modules/', 'src/*/assembly/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })],
      // Without these the graph of a .ts file ends at its first import, and no cycle is ever seen.
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/extensions': ['.ts'],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-self-import': 'error',
      'import-x/no-unresolved': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['it', 'test', 'describe', 'suite'] }] }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { boolean: true } }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/no-unused-expressions': ['error', { allowShortCircuit: true, allowTernary: true }],
      '@typescript-eslint/no-empty-function': 'off',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts', 'src/cli.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'process', message: processMessage }],
      'no-restricted-imports': ['error', { paths: ['node:process', 'process'].map((name) => ({ name, message: processMessage })) }],
      'no-restricted-properties': ['error', { object: 'globalThis', property: 'process', message: processMessage }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name=/^(it|test|describe|suite)$/][callee.property.name=/^(only|skip|todo)$/], CallExpression[callee.object.name='t'][callee.property.name=/^(skip|todo)$/]",
          message: 'Every test runs, always.',
        },
        {
          selector: "CallExpression[callee.name=/^(it|test|describe|suite)$/] > ObjectExpression > Property[key.name=/^(only|skip|todo)$/]",
          message: 'Every test runs, always.',
        },
      ],
    },
  },
);
