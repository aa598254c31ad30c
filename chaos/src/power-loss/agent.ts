import type { Agent, Task } from '@symphony/core';
import type { RecordedWork } from './work.ts';

/** An agent whose steps are told to somebody as soon as they are acknowledged. */
export function makeAgent(onStep: (task: string, step: string) => void): Agent<RecordedWork> {
  return {
    id: 'recorded',
    async run({ id, input }: Task<RecordedWork>, context) {
      for (let index = 1; index <= input.steps; index++) {
        await context.step('part', () => 'x'.repeat(input.characters), { key: String(index) });
        onStep(id, `part:${index}`);
      }
      return id;
    },
  };
}
