import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listPublicPackages, sourceCondition } from './workspace.ts';

describe.each(listPublicPackages().map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest })))(
  '$name',
  ({ folder, manifest }) => {
    test('has what npm shows and what a release needs', () => {
      expect(manifest).toMatchObject({
        description: expect.stringMatching(/^.{20,160}$/) as string,
        license: 'MIT',
        type: 'module',
        sideEffects: false,
        engines: { node: '>=22.18' },
        publishConfig: { access: 'public', provenance: true },
        files: ['dist', 'src', '!src/**/*.test.ts', '!src/**/*.test-d.ts'],
      });
      expect(manifest.keywords?.length).toBeGreaterThan(1);
      expect(manifest).not.toHaveProperty('repository'); // the release says where it was built
    });

    test('shows of each import path its source, its types and its code, which have one name', () => {
      for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
        if (subpath === './package.json') continue;
        const file = subpath === '.' ? 'index' : subpath.slice(2);
        expect(target).toEqual({
          [sourceCondition]: `./src/${file}.ts`,
          types: `./dist/${file}.d.ts`,
          default: `./dist/${file}.js`,
        });
        expect(existsSync(join(folder, 'src', `${file}.ts`))).toBe(true);
      }
    });

    test('has a README that says what it is, how to install it, how to use it and when not to', () => {
      const page = readFileSync(join(folder, 'README.md'), 'utf8');
      expect(page).toMatch(new RegExp(`^# ${manifest.name}\n\n\\S`));
      expect(page).toMatch(new RegExp(`^npm install (\\S+ )*${manifest.name}( |$)`, 'm'));
      expect(page).toMatch(/^```ts( no-run)?$/m);
      expect(page).toMatch(/When not to use (it|them)/);
    });
  },
);
