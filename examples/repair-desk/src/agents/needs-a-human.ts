import type { Agent } from '@symphony/registry';
import { witnessed, type Logbook } from '../logbook.ts';
import type { Problem } from '../desk/problems.ts';
import type { RepairResult } from './repair-agent.ts';

/** The agent that takes what nobody could repair, and never says no. */
export function needsAHuman(logbook: Logbook): Agent<Problem, RepairResult> {
  const id = 'needs-a-human';
  return {
    id,
    name: 'Needs a human',
    role: 'Collects what is left for people',
    description: 'Takes whatever no other agent could repair, and leaves a note for a person.',
    async run(task, context) {
      const { message, file, line } = task.input;
      const who = { task: task.id, agent: id, context };
      const note = await witnessed(logbook, who, 'note', async () => `${file}:${line} ${message.split('\n', 1)[0]!}`);
      return { repaired: false, note };
    },
  };
}
