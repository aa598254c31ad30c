import { SymphonyError, type StrategyPlugin } from '@symphony/core';
import { contentMatch } from '@symphony/strategy-content-match';
import { roundRobin } from '@symphony/strategies';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadStrategies, loadStrategy, TaskRouter } from './index.ts';

const plugin = (name: string, apiVersion = 1): string => `{
  apiVersion: ${apiVersion}, name: '${name}',
  create: async () => ({ name: '${name}', rank: ({ candidates }) => [...candidates].map(({ id }) => ({ agentId: id, score: 1, reasons: ['${name}'] })) }),
}`;

const installed: Record<string, { readonly exports?: unknown; readonly code?: string }> = {
  'symphony-strategy-bandit': { code: `export default ${plugin('bandit')}` },
  bandit: { code: 'export default "something quite different"' },
  '@symphony/strategy-ours': { code: `export default ${plugin('ours')}` },
  'acme-routing': { code: `export default ${plugin('acme')}` },
  '@acme/strategy': { code: `export default ${plugin('acme-scoped')}` },
  'symphony-strategy-translated': {
    exports: { import: './none.js', require: './index.cjs' },
    code: `exports.__esModule = true; exports.default = ${plugin('translated')}`,
  },
  'symphony-strategy-plain': { code: 'export const plugin = 1' },
  'symphony-strategy-shapeless': { code: 'export default { rank() {} }' },
  'symphony-strategy-throwing': { code: 'throw new Error("no licence key")' },
  'symphony-strategy-old': { code: `export default ${plugin('old', 0)}` },
  'symphony-strategy-new': { code: `export default ${plugin('new', 99)}` },
  'symphony-strategy-import-only': { exports: { import: './index.js' }, code: `export default ${plugin('x')}` },
  'symphony-strategy-unbuilt': { exports: { default: './dist/index.js' } },
};

let resolveFrom: string;

beforeAll(() => {
  resolveFrom = mkdtempSync(join(tmpdir(), 'symphony-load-'));
  for (const [name, { exports = { types: './index.d.ts', default: './index.js' }, code }] of Object.entries(
    installed,
  )) {
    const file = join(
      resolveFrom,
      'node_modules',
      name,
      JSON.stringify(exports).includes('.cjs') ? 'index.cjs' : 'index.js',
    );
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      join(dirname(file), 'package.json'),
      JSON.stringify({ name, type: 'module', exports: { '.': exports } }),
    );
    if (code !== undefined) writeFileSync(file, code);
  }
});

afterAll(() => rmSync(resolveFrom, { recursive: true }));

describe('loadStrategy', () => {
  it.each([
    ['symphony-strategy-bandit', 'bandit'],
    ['bandit', 'bandit'],
    ['acme-routing', 'acme'],
    ['@acme/strategy', 'acme-scoped'],
    ['translated', 'translated'],
    ['ours', 'ours'],
  ])('loads %s from the packages of a folder', async (name, loaded) => {
    const strategy = await loadStrategy(name, { resolveFrom });
    expect(strategy).toMatchObject({ apiVersion: 1, name: loaded });
    expect(await new TaskRouter({ agents: [{ id: 'anna' }], strategy }).explain({ name: 'x' })).toMatchObject({
      strategy: loaded,
    });
  });

  it('prefers what is known already', async () => {
    const known = new Map([['bandit', roundRobin]]);
    expect(await loadStrategy('bandit', { resolveFrom, known })).toBe(roundRobin);
  });

  it('returns a plugin as it is, once checked', async () => {
    expect(await loadStrategy(contentMatch)).toBe(contentMatch);
    await expect(loadStrategy({ ...contentMatch, apiVersion: 2 })).rejects.toMatchObject({
      code: 'STRATEGY_API_VERSION',
    });
    await expect(loadStrategy(7 as never)).rejects.toMatchObject({ code: 'STRATEGY_INVALID' });
  });

  it('finds the strategies of Symphony where they are installed', async () => {
    const here = import.meta.dirname;
    expect(await loadStrategy('round-robin', { resolveFrom: here })).toMatchObject({ name: 'round-robin' });
    expect(await loadStrategy('content-match', { resolveFrom: here })).toMatchObject({ name: 'content-match' });
  });

  it('looks in the working directory by default', async () => {
    await expect(loadStrategy('no-such-thing')).rejects.toThrow(process.cwd());
  });

  it.each<[string, string, RegExp]>([
    [
      'not-there',
      'STRATEGY_NOT_FOUND',
      /no package "symphony-strategy-not-there", "@symphony\/strategy-not-there" or "not-there" is installed for .*npm install symphony-strategy-not-there$/,
    ],
    ['symphony-strategy-not-there', 'STRATEGY_NOT_FOUND', /npm install symphony-strategy-not-there/],
    ['contnt-match', 'STRATEGY_NOT_FOUND', /Did you mean "content-match"\?/],
    ['', 'STRATEGY_NOT_FOUND', /import it and pass the plugin itself/],
    ['./mine.js', 'STRATEGY_NOT_FOUND', /import it and pass the plugin itself/],
    ['../up', 'STRATEGY_NOT_FOUND', /neither/],
    ['/etc/passwd', 'STRATEGY_NOT_FOUND', /neither/],
    ['C:\\mine.js', 'STRATEGY_NOT_FOUND', /neither/],
    ['file:///x.js', 'STRATEGY_NOT_FOUND', /neither/],
    ['https://example.org/x.js', 'STRATEGY_NOT_FOUND', /neither/],
    ['data:text/javascript,export default 1', 'STRATEGY_NOT_FOUND', /neither/],
    ['node:fs', 'STRATEGY_NOT_FOUND', /neither/],
    ['fs', 'STRATEGY_NOT_FOUND', /neither/],
    ['acme-routing/sub/path', 'STRATEGY_NOT_FOUND', /neither/],
    ['plain', 'STRATEGY_INVALID', /"symphony-strategy-plain" has no default export. Export what defineStrategy/],
    ['shapeless', 'STRATEGY_INVALID', /"symphony-strategy-shapeless" is no strategy plugin/],
    ['throwing', 'STRATEGY_INVALID', /"symphony-strategy-throwing" failed while it was imported: no licence key/],
    ['import-only', 'STRATEGY_INVALID', /"symphony-strategy-import-only" is installed, but .* `default` condition/],
    ['unbuilt', 'STRATEGY_INVALID', /"symphony-strategy-unbuilt" is installed, but has nothing to import. Build it/],
    [
      'old',
      'STRATEGY_API_VERSION',
      /"symphony-strategy-old" was written for version 0 .* wants 1. Update the strategy./,
    ],
    ['new', 'STRATEGY_API_VERSION', /"symphony-strategy-new" was written for version 99 .* wants 1. Update Symphony./],
  ])('answers %j with %s, naming the mend', async (name, code, says) => {
    const error: unknown = await loadStrategy(name, { resolveFrom }).catch((thrown: unknown) => thrown);
    expect(SymphonyError.is(error) && error.code).toBe(code);
    expect((error as Error).message).toMatch(says);
  });

  it('names the package to install for a strategy of Symphony', () => {
    // A process of its own: the test runner is started with a NODE_PATH on which these packages are found from everywhere.
    const script = `
      import { loadStrategy } from ${JSON.stringify(import.meta.resolve('./index.ts'))};
      for (const name of ['content-match', 'load-balanced']) {
        await loadStrategy(name, { resolveFrom: ${JSON.stringify(resolveFrom)} }).catch((error) => console.log(error.message));
      }`;
    const parameters = ['--conditions=@symphony/source', '--input-type=module', '--eval', script];
    const said = execFileSync(process.execPath, parameters, {
      env: { ...process.env, NODE_PATH: '' },
      encoding: 'utf8',
    });
    expect(said).toMatch(/npm install @symphony\/strategy-content-match\n/);
    expect(said).toMatch(/npm install @symphony\/strategies\n/);
  });

  it('ends with the command to copy, behind what is known', async () => {
    const known = new Map([['round-robin', roundRobin]]);
    await expect(loadStrategy('not-there', { resolveFrom, known })).rejects.toThrow(
      /\. Known are round-robin\. To install it: npm install symphony-strategy-not-there$/,
    );
  });

  it('hands on what a package threw as the cause', async () => {
    await expect(loadStrategy('throwing', { resolveFrom })).rejects.toMatchObject({
      cause: { message: 'no licence key' },
    });
  });
});

describe('loadStrategies', () => {
  const known = new Map<string, StrategyPlugin>([['round-robin', roundRobin]]);

  it('lists what it loads by both names, beside what is known', async () => {
    const strategies = await loadStrategies(['bandit', '@acme/strategy', contentMatch], { resolveFrom, known });
    expect([...strategies.keys()].sort()).toEqual([
      '@acme/strategy',
      'acme-scoped',
      'bandit',
      'content-match',
      'round-robin',
    ]);
    const router = new TaskRouter({ agents: [{ id: 'anna' }], strategies, strategy: ['@acme/strategy'] });
    expect(await router.explain({ name: 'x' })).toMatchObject({ strategy: 'acme-scoped' });
  });

  it('lets what is loaded replace what is known', async () => {
    const mine = { ...contentMatch, name: 'round-robin' };
    expect((await loadStrategies([mine], { known })).get('round-robin')).toBe(mine);
  });

  it('takes a strategy that is listed twice once, and refuses two of one name', async () => {
    expect((await loadStrategies(['bandit', 'symphony-strategy-bandit'], { resolveFrom })).size).toBe(2);
    await expect(loadStrategies([contentMatch, { ...contentMatch }])).rejects.toMatchObject({
      code: 'STRATEGY_INVALID',
    });
  });
});
