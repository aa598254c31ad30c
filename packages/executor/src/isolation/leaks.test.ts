import { readdirSync } from 'node:fs';
import { delay, systemClock } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { isolated, isolations } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

/** How many of each kind this process holds open: file descriptors, and whatever keeps its loop turning. */
function held(): ReadonlyMap<string, number> {
  const kinds = [...readdirSync('/proc/self/fd').map(() => 'descriptor'), ...process.getActiveResourcesInfo()];
  return new Map(Object.entries(Object.groupBy(kinds, (kind) => kind)).map(([kind, all = []]) => [kind, all.length]));
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
    const before = held();
    await run(Number(process.env['SYMPHONY_TEST_ATTEMPTS'] ?? 24));
    const left = (): readonly string[] =>
      [...held()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind);
    // Node lets go of a process a little after it has said that it has ended; what leaks never goes.
    for (let turn = 0; turn < 100 && left().length > 0; turn++) await delay(systemClock, 50);
    expect(left()).toEqual([]);
  });
});
