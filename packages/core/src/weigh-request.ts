import type { CommitRequest } from './store.ts';

/** The size of a commit: characters of the inputs, outputs and steps in it, which is what may be large. */
export function weighRequest({ groups }: CommitRequest): number {
  let weight = 0;
  for (const group of groups) {
    for (const command of group) {
      if (command.type === 'createTask' || command.type === 'spawn')
        weight += command.task.input.length + command.task.metadata.length;
      if (command.type === 'recordStep') weight += command.step.output.length;
      if (command.type === 'report' && command.command.type === 'complete') weight += command.command.output.length;
    }
  }
  return weight;
}
