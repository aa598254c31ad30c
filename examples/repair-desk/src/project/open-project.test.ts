import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Compiler } from '../desk/compiler.ts';
import { UsageError } from '../usage-error.ts';
import { writeFixture } from './fixture.ts';
import { openProject } from './open-project.ts';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'open-project-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

const messages = (path: string): string[] =>
  openProject(path).units.flatMap((unit) => new Compiler(unit).check().map(({ message }) => message));

describe('a project', () => {
  test('is what its tsconfig.json says, by its own settings', () => {
    writeFixture(folder);
    const [unit, ...more] = openProject(folder).units;
    expect(more).toEqual([]);
    expect(unit).toMatchObject({ name: 'shop', version: '1.2.3', root: folder });
    expect(unit!.files).toEqual(['src/basket.ts', 'src/hopeless.ts', 'src/legacy.js', 'src/load.ts', 'src/prices.ts']);
    expect(messages(folder)).toContainEqual(expect.stringContaining("'override' modifier"));
    const loose = { 'tsconfig.json': '{ "compilerOptions": { "strict": false, "types": [] }, "include": ["src"] }' };
    writeFixture(folder, loose);
    expect(messages(folder).join()).not.toContain("'override' modifier");
  });

  test('can be a tsconfig.json by any name', () => {
    writeFixture(folder, { 'tsconfig.app.json': '{ "files": ["a.ts"] }', 'a.ts': 'export const a: number = "";' });
    expect(messages(at('tsconfig.app.json'))).toHaveLength(1);
  });

  test('without settings is held to the strictest, JavaScript included', () => {
    writeFixture(folder, {
      'a.js': 'export const f = (x) => x;\n',
      'node_modules/b/b.js': 'export const g = (y) => y;\n',
    });
    expect(messages(folder)).toEqual(["Parameter 'x' implicitly has an 'any' type."]);
  });

  test('can be one file, by the settings of the folder around', () => {
    writeFixture(folder);
    const [unit] = openProject(at('src', 'prices.ts')).units;
    expect(unit!.files).toEqual(['src/prices.ts']);
    expect(messages(at('src', 'prices.ts'))).toHaveLength(2);
  });

  test('of several projects has a unit for each', () => {
    writeFixture(folder, {
      'tsconfig.json': '{ "files": [], "references": [{ "path": "./one" }, { "path": "./two" }] }',
      'one/tsconfig.json': '{ "compilerOptions": { "composite": true } }',
      'one/a.ts': 'export const a = 1;\n',
      'two/tsconfig.json': '{ "compilerOptions": { "composite": true } }',
      'two/b.ts': 'export const b = 1;\n',
      'two/package.json': '{ "name": "one" }',
    });
    expect(openProject(folder).units.map(({ name, files }) => [name, files])).toEqual([
      ['one', ['a.ts']],
      ['one (2)', ['b.ts']],
    ]);
  });

  test('has files beside its own, such as declarations, which are not repaired', () => {
    writeFixture(folder, {
      'tsconfig.json': '{}',
      'a.ts': 'export const a = given;\n',
      'g.d.ts': 'declare const given: 1;\n',
    });
    const [unit] = openProject(folder).units;
    expect(unit).toMatchObject({ files: ['a.ts'], others: [at('g.d.ts')] });
    expect(messages(folder)).toEqual([]);
  });
});

describe('what is no project', () => {
  const complaint = (path: string): string => {
    try {
      openProject(path);
    } catch (error) {
      if (error instanceof UsageError) return error.message;
    }
    return 'no complaint';
  };

  test('is said in the words of who asked', () => {
    expect(complaint(at('nowhere'))).toBe(`There is no file or folder ${at('nowhere')}.`);
    mkdirSync(at('empty'));
    expect(complaint(at('empty'))).toBe(`There are no TypeScript or JavaScript files to check in ${at('empty')}.`);
    writeFileSync(at('notes.txt'), '');
    expect(complaint(at('notes.txt'))).toContain('is neither TypeScript nor JavaScript nor a tsconfig.json');
    writeFixture(at('bad'), { 'tsconfig.json': '{ "compilerOptions": ', 'a.ts': '' });
    expect(complaint(at('bad'))).toMatch(/tsconfig\.json cannot be used: /);
    writeFixture(at('wrong'), { 'tsconfig.json': '{ "compilerOptions": { "target": "ES1" } }', 'a.ts': '' });
    expect(complaint(at('wrong'))).toMatch(/tsconfig\.json cannot be used: Argument for '--target'/);
    writeFixture(at('lost'), { 'tsconfig.json': '{ "files": [], "references": [{ "path": "./gone" }] }' });
    expect(complaint(at('lost'))).toMatch(/refers to .*gone.*, which is not there/);
  });
});
