import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLike, IsolatedAgent, Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { isolated, isolations, moduleOf } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';
import { entry } from './entry.ts';

async function run(module: IsolatedAgent['module'], isolation: IsolatedAgent['isolation'] = 'thread'): Promise<Task> {
  await using lab = new Lab();
  const id = await lab.create({ name: 'a promise of a value', retry: { maxRetries: 3 } });
  return await lab.executor().executeTask(id, isolated(isolation, { module })); // before the lab is disposed of
}

/** A working directory in which a package with an agent is installed. */
function installed(exports: object): Disposable & { readonly path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'symphony-package-')));
  const before = process.cwd();
  process.chdir(path);
  const own = join(path, 'node_modules/@my/agents');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'package.json'), JSON.stringify({ name: '@my/agents', type: 'module', exports }));
  writeFileSync(join(own, 'ada.js'), 'export default { id: "ada", run: () => "from a package" };');
  return {
    path,
    [Symbol.dispose]: () => {
      process.chdir(before);
      rmSync(path, { recursive: true });
    },
  };
}

it('what starts in a thread or process of its own is built beside what starts it', () => {
  const build = readFileSync(new URL('../../tsup.config.ts', import.meta.url), 'utf8');
  for (const name of ['thread', 'process', 'watchdog'] as const) {
    expect(existsSync(entry(name))).toBe(true);
    expect(build).toContain(`'src/isolation/${name}.ts'`);
  }
});

describe('the module of an isolated agent', () => {
  it.each(isolations)('is found by its URL, as an object or a text, for a %s', async (isolation) => {
    const module = moduleOf('acts.ts');
    expect(await run(module, isolation)).toMatchObject({ status: 'completed', output: 7 });
    expect(await run(module.href, isolation)).toMatchObject({ status: 'completed', output: 7 });
  });

  it('may have been translated to CommonJS', async () => {
    expect(await run(moduleOf('translated.cjs'))).toMatchObject({ output: 'translated' });
  });

  it.each<[string, object]>([
    ['for all', { './ada': './ada.js' }],
    ['for import alone', { './ada': { import: './ada.js' } }],
    ['for import and require', { './ada': { require: './none.cjs', import: './ada.js' } }],
  ])(
    'is found by the name of its package, from the working directory, where that exports it %s',
    async (_how, exports) => {
      using folder = installed(exports);
      expect(await run('@my/agents/ada')).toMatchObject({ output: 'from a package' });
      expect(await run('@my/agents/bob')).toMatchObject({
        error: {
          code: 'AGENT_INVALID',
          message: `The module "@my/agents/bob" of agent "ada" is not found among the packages of ${folder.path}: Package subpath './bob' is not defined by "exports" in ${join(folder.path, 'node_modules/@my/agents/package.json')}. For a file of your own pass new URL("./agent.ts", import.meta.url).`,
        },
      });
    },
  );

  it.each<[string, URL | string, RegExp]>([
    [
      'is not there',
      moduleOf('missing.ts'),
      /^The module file:.*missing\.ts of agent "ada" could not be loaded: Cannot find/,
    ],
    ['throws', moduleOf('broken.ts'), /broken\.ts of agent "ada" could not be loaded: this module is broken$/],
    [
      'exports no agent',
      moduleOf('nothing.ts'),
      /nothing\.ts of agent "ada" has no agent as its default export, but undefined\. Write: export default/,
    ],
    [
      'is no package that is installed',
      'not-installed/ada',
      /^The module "not-installed\/ada" of agent "ada" is not found among the packages of .*: Cannot find package 'not-installed'\. For/,
    ],
    [
      'is a part of Node',
      'fs',
      /^The module "fs" of agent "ada" is not found among.*: it is a part of Node\. For a file of your own/,
    ],
  ])('that %s fails the task for good', async (_what, module, message) => {
    expect(await run(module)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { name: 'SymphonyError', code: 'AGENT_INVALID', message: expect.stringMatching(message) as string },
    });
  });

  it('is asked for before anything runs', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    const bad = { id: 'ada', module: './ada.ts', isolation: 'thread' } as AgentLike;
    const refused = {
      code: 'AGENT_INVALID',
      message: expect.stringContaining('has a module that is not found') as string,
    };
    await expect(executor.executeTask(id, bad)).rejects.toMatchObject(refused);
    await expect(executor.batchExecute([[id, bad]])).rejects.toMatchObject(refused);
    await expect(executor.startWorker({ agents: [bad] })).rejects.toMatchObject(refused);
    expect(await lab.facts(id)).toEqual(['task.created']);
  });

  it('cannot be given what a schema has made that cannot cross', async () => {
    await using lab = new Lab();
    const validate = (): { value: unknown } => ({ value: () => 1 });
    const agent = isolated('process', { input: { '~standard': { version: 1, vendor: 'test', validate } } });
    const task = await lab.executor().executeTask(await lab.create(), agent);
    expect(task).toMatchObject({
      status: 'failed',
      error: {
        code: 'INPUT_INVALID',
        message: expect.stringMatching(
          /cannot cross into a process: .* Give the schema to the agent in the module instead\.$/,
        ) as string,
      },
    });
  });
});
