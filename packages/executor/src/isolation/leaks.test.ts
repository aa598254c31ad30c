import { readdirSync } from 'node:fs';
import { delay, systemClock } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { isolated, isolations } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

/** What this process holds open when it has come to rest: file descriptors, and whatever keeps its loop turning. */
async function held(): Promise<{ readonly descriptors: number; readonly resources: number }> {
  // Node lets go of the handle of a process a little after it has said that the process has ended.
  for (let turn = 0; turn < 100 && process.getActiveResourcesInfo().includes('ProcessWrap'); turn++)
    await delay(systemClock, 10);
  return { descriptors: readdirSync('/proc/self/fd').length, resources: process.getActiveResourcesInfo().length };
}

describe.each(isolations)('many attempts in a %s', (isolation) => {
  it('leave nothing open, however they end', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const run = async (times: number): Promise<void> => {
      const names = ['a value', 'exit', 'an error of a class', 'write'];
      const tasks = Array.from({ length: times }, (_, index) =>
        lab.tasks.createTask({ name: names[index % names.length] ?? '', input: [['stdout', 'text']] }),
      );
      const pairs = (await Promise.all(tasks)).map(({ id }) => [id, isolated(isolation)] as const);
      await executor.batchExecute(pairs, { maxConcurrent: 4 });
    };
    await run(4); // whatever the first ones load
    const before = await held();
    await run(Number(process.env['SYMPHONY_TEST_ATTEMPTS'] ?? 24));
    // What is on its way out on a busy machine gets the time for it; what is left behind never goes.
    let after = await held();
    const isLeft = (): boolean => after.descriptors > before.descriptors || after.resources > before.resources;
    for (let turn = 0; turn < 50 && isLeft(); turn++) {
      await delay(systemClock, 100);
      after = await held();
    }
    expect(isLeft(), JSON.stringify({ before, after })).toBe(false);
  });
});
