import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScene } from '../code/scene.ts';
import { Compiler } from '../desk/compiler.ts';
import { applyChanges } from '../desk/edits.ts';
import { judge } from '../desk/judge.ts';
import { strictSettings } from '../project/settings.ts';
import { recipes } from './index.ts';

let folder: string;
let compiler: Compiler;
const specimens = { js: 'specimen.js', ts: 'specimen.ts' };

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'recipes-')));
  for (const name of Object.values(specimens)) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'other.ts'), 'export const shared = 1;\nexport interface Shape {\n  size: number;\n}\n');
  const files = [...Object.values(specimens), 'other.ts'];
  compiler = new Compiler({ root: folder, files, others: [], settings: strictSettings('Preserve') });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What an agent makes of the first error in a specimen that it knows about: the first draft that the compiler would keep. */
function repair(id: string, source: string, language: keyof typeof specimens = 'js'): string {
  const recipe = recipes.find((each) => each.id === id)!;
  const file = join(folder, specimens[language]);
  for (const name of Object.values(specimens)) {
    writeFileSync(join(folder, name), name === specimens[language] ? source : 'export {};\n');
    compiler.reload(join(folder, name));
  }
  const before = compiler.check();
  const finding = before.find(({ message }) => recipe.about.test(message));
  if (finding === undefined) return `no such error among: ${before.map(({ message }) => message).join(' / ')}`;
  for (const draft of recipe.drafts(openScene(compiler, finding)!)) {
    const text = applyChanges(source, draft.changes);
    const after = compiler.try(file, text);
    if (judge({ edited: file, target: finding, before, after, mayReveal: language === 'js' }).kept) return text;
  }
  return 'nothing';
}

describe('parameter types', () => {
  test('come from the callers', () => {
    const source = 'function twice(value) {\n  return value * 2;\n}\nmodule.exports = twice(21);\n';
    expect(repair('parameter-types', source)).toBe(`/**\n * @param {number} value\n */\n${source}`);
  });

  test('come from what the code asks', () => {
    const source = "exports.f = function (x) {\n  return typeof x === 'string' ? x.length : x === null ? 0 : 1;\n};\n";
    expect(repair('parameter-types', source)).toContain('@param {string | null} x');
  });

  test('come from the members that are used', () => {
    expect(repair('parameter-types', 'exports.f = (text) => text.trim().toUpperCase();\n')).toContain(
      '@param {string} text',
    );
  });

  test('fill the gap in a comment that is there, and keep its words', () => {
    const source =
      '/**\n * Adds.\n * @param a the first\n */\nfunction add(a) {\n  return a + 1;\n}\nmodule.exports = add(1);\n';
    expect(repair('parameter-types', source)).toBe(source.replace('@param a', '@param {number} a'));
  });

  test('say which parameters calls leave out', () => {
    const source = 'function f(a, b) {\n  return [a, b];\n}\nmodule.exports = [f(1), f(1, 2)];\n';
    expect(repair('parameter-types', source)).toContain(' * @param {number} a\n * @param [b]\n');
  });

  test('stand in the list of a callback, which gets brackets', () => {
    const source = '/** @param {Function} g */\nexports.f = (g) => g;\nexports.f(x => x.trim());\n';
    expect(repair('parameter-types', source)).toContain('(/** @type {string} */ x) => x.trim()');
  });
});

describe('variable types', () => {
  test('come from what is put into a list', () => {
    const source = 'const list = [];\nfunction add() {\n  list.push(1);\n  return list;\n}\nmodule.exports = add;\n';
    expect(repair('variable-types', source)).toBe(`/** @type {number[]} */\n${source}`);
  });

  test('come from what is stored in a member', () => {
    const source =
      'class A {\n  constructor() {\n    this.x = null;\n  }\n  set() {\n    this.x = "a";\n  }\n}\nmodule.exports = A;\n';
    expect(repair('variable-types', source)).toMatch(
      /\/\*\* @type \{string \| null\} \*\/\n {4}this\.x = null|no such error/,
    );
  });
});

describe('null safety', () => {
  test('puts optional chaining where a value is read', () => {
    expect(repair('null-safety', "module.exports = /a/.exec('a').index;\n")).toContain("/a/.exec('a')?.index");
  });

  test('notes that a value is there where it is written through', () => {
    const source = 'const list = [{ a: 1 }];\nlist.find(({ a }) => a).a = 2;\n';
    expect(repair('null-safety', source)).toContain('/** @type {{ a: number; }} */ (list.find(({ a }) => a)).a = 2');
  });

  test('puts a semicolon before a bracket that would join two lines', () => {
    const source = 'const list = [{ a: 1 }]\nlist.find(({ a }) => a).a = 2\n';
    expect(repair('null-safety', source)).toContain('\n;/** @type {{ a: number; }} */ (');
  });
});

describe('unused code', () => {
  test('an unused parameter gets an underscore, also in its comment', () => {
    const source = '/**\n * @param {number} a\n * @param {number} b\n */\nexports.f = (a, b) => b;\n';
    expect(repair('unused-code', source)).toBe(
      '/**\n * @param {number} _a\n * @param {number} b\n */\nexports.f = (_a, b) => b;\n',
    );
  });

  test('an unused variable goes', () => {
    expect(repair('unused-code', "const fs = require('fs');\nmodule.exports = 1;\n")).toBe('module.exports = 1;\n');
  });

  test('a variable whose value does something stays', () => {
    expect(repair('unused-code', "const own = require('./own');\nmodule.exports = 1;\n")).toBe('nothing');
    expect(repair('unused-code', 'const x = process.exit();\nmodule.exports = 1;\n')).toBe('nothing');
  });
});

describe('caught errors', () => {
  test('are named once for the whole block', () => {
    const source = 'try {\n  process.exit();\n} catch (err) {\n  console.log(err.message, err.code);\n}\n';
    expect(repair('caught-errors', source)).toBe(
      source.replace('catch (err) {', 'catch (caught) {\n  const err = /** @type {NodeJS.ErrnoException} */ (caught);'),
    );
  });
});

describe('properties', () => {
  test('become fields of their class', () => {
    const source =
      'class A {\n  constructor() {\n    this.a = 1;\n  }\n  b() {\n    return this.c;\n  }\n}\nmodule.exports = A;\n';
    expect(repair('properties', source)).toContain(
      '    this.a = 1;\n    /** @type {unknown | undefined} */\n    this.c;\n',
    );
  });

  test('are described where the object is documented', () => {
    const source = '/** @param {Object} opts */\nexports.f = (opts) => opts.hidden;\n';
    expect(repair('properties', source)).toContain('@param {{ hidden?: boolean }} opts');
  });
});

describe('dictionaries', () => {
  test('become records of what is stored in them', () => {
    const source = 'const table = {};\n/** @param {string} key */\nexports.set = (key) => {\n  table[key] = 1;\n};\n';
    expect(repair('dictionaries', source)).toBe(`/** @type {Record<string, number>} */\n${source}`);
  });

  test('with known keys are asked for one of them', () => {
    const source = 'const table = { a: 1 };\n/** @param {string} key */\nexports.get = (key) => table[key];\n';
    expect(repair('dictionaries', source)).toContain('table[/** @type {keyof typeof table} */ (key)]');
  });
});

describe('calls', () => {
  test('that leave an argument out make it optional', () => {
    const source =
      '/**\n * @param {number} a\n * @param {number} b\n */\nfunction f(a, b) {\n  return [a, b];\n}\nmodule.exports = f(1);\n';
    expect(repair('calls', source)).toBe(source.replace('{number} b', '{number} [b]'));
  });

  test('with more arguments than expected make the function take the rest', () => {
    const source = 'function Log() {}\nLog.prototype.debug = function () {};\nnew Log().debug(1, 2);\n';
    expect(repair('calls', source)).toContain('/** @type {(...rest: unknown[]) => void} */');
  });
});

describe('doc comments', () => {
  test('say of what an array is', () => {
    const source = '/**\n * @returns {Array}\n */\nexports.f = () => {\n  return [1];\n};\n';
    expect(repair('doc-comments', source)).toContain('@returns {number[]}');
  });

  test('name the parameter that is there', () => {
    const source = '/**\n * @param {string} name\n */\nexports.f = function (title) {\n  return title;\n};\n';
    expect(repair('doc-comments', source)).toContain('@param {string} title');
  });
});

describe('values', () => {
  test('widen the type of what they are stored in', () => {
    const source = "let text = 'a';\ntext = 1;\nmodule.exports = text;\n";
    expect(repair('values', source)).toBe(`/** @type {string | number} */\n${source}`);
  });

  test('widen the documented result', () => {
    const source = '/** @returns {string} */\nexports.f = () => {\n  return null;\n};\n';
    expect(repair('values', source)).toContain('@returns {string | null}');
  });
});

describe('this', () => {
  test('is what the function is put on', () => {
    const source =
      'function A() {\n  this.x = 1;\n}\nA.prototype.f = function () {\n  return [1].map(function () {\n    return this.x;\n  }, this);\n};\nmodule.exports = A;\n';
    expect(repair('this-context', source)).toContain('map(/** @this {A} */ function () {');
  });
});

describe('in TypeScript', () => {
  const fix = (id: string, source: string): string => repair(id, source, 'ts');

  test('a parameter is typed in its place', () => {
    const source = 'function twice(value) {\n  return value * 2;\n}\nexport const four = twice(2);\n';
    expect(fix('parameter-types', source)).toBe(source.replace('(value)', '(value: number)'));
    expect(fix('parameter-types', "export const f = x => x.trim() + '';\n")).toContain('(x: string) =>');
  });

  test('a variable that starts empty gets the type of what is put in', () => {
    const source = 'const list = [];\nexport function add() {\n  list.push(1);\n  return list;\n}\n';
    expect(fix('variable-types', source)).toBe(source.replace('list =', 'list: number[] ='));
  });

  test('this is what the function is called with', () => {
    const source =
      'export class A {\n  x = 1;\n  f() {\n    return [1].map(function () {\n      return this.x;\n    }, this);\n  }\n}\n';
    expect(fix('this-context', source)).toContain('map(function (this: A) {');
  });

  test('a value that may be missing is asked for with a question mark, and never asserted', () => {
    expect(fix('null-safety', "export const at = /a/.exec('a').index;\n")).toContain("/a/.exec('a')?.index");
    expect(fix('null-safety', 'const list = [{ a: 1 }];\nlist.find(({ a }) => a).a = 2;\n')).toBe('nothing');
  });

  test('what was caught is asked whether it is an error', () => {
    const source = 'try {\n  Number(1);\n} catch (error) {\n  String(error.message);\n}\nexport {};\n';
    expect(fix('caught-errors', source)).toContain('String(error instanceof Error ? error.message : String(error))');
  });

  test('a member is declared where its class is', () => {
    const source = 'export class A {\n  f(): void {\n    this.count = 1;\n  }\n}\n';
    expect(fix('properties', source)).toContain('  count?: number;\n  f()');
  });

  test('an argument that a call leaves out becomes optional', () => {
    const source = 'function f(a: number, b: number) {\n  return [a, b];\n}\nexport const x = f(1);\n';
    expect(fix('calls', source)).toContain('b?: number');
  });

  test('a declared type takes in that there may be nothing, and nothing else', () => {
    expect(fix('values', 'export const f = (): string => {\n  return null;\n};\n')).toContain('string | null');
    expect(fix('values', "export const n: number = 'three';\n")).toBe('nothing');
  });

  test('a missing import is added, from the project before any package', () => {
    expect(fix('imports', 'export const x = shared;\n')).toMatch(/import \{ shared \} from ['"]\.\/other['"]/);
    expect(fix('imports', "export const x = readFileSync('a');\n")).toMatch(/from ['"](node:)?fs['"]/);
  });

  test('a misspelled name is corrected', () => {
    expect(fix('spelling', "export const n = 'text'.lenght;\n")).toContain("'text'.length");
  });

  test('a promise is waited for, in a function that says that it is async', () => {
    const source = 'export function f(p: Promise<number>) {\n  return await p;\n}\n';
    expect(fix('promises', source)).toContain('async function f');
    const used = 'export async function f(p: Promise<string>) {\n  return p.length;\n}\n';
    expect(fix('promises', used)).toContain('(await p).length');
  });

  test('a field that nobody sets may be undefined', () => {
    expect(fix('classes', 'export class A {\n  name: string;\n}\n')).toContain('name: string | undefined');
  });

  test('dead code goes', () => {
    expect(fix('unused-code', "import { shared } from './other';\nexport const x = 1;\n")).toBe(
      'export const x = 1;\n',
    );
  });
});

test('every agent tells the router something about itself that no other says', () => {
  const examples = recipes.flatMap((recipe) => recipe.examples);
  expect(new Set(examples).size).toBe(examples.length);
  for (const recipe of recipes) expect(recipe.examples.length).toBeGreaterThan(1);
});
