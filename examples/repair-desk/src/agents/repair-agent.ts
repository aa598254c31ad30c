import type { Agent } from '@symphony/registry';
import type { DeskLink } from '../desk/desk-link.ts';
import { witnessed, type Logbook } from '../logbook.ts';
import type { Problem } from '../desk/problems.ts';
import type { Recipe } from './recipe.ts';

/** What became of a problem. */
export type RepairResult =
  | {
      readonly repaired: true;
      readonly by: string;
      readonly how: string;
      readonly before: number;
      readonly after: number;
    }
  | { readonly repaired: true; readonly by: 'an earlier repair' }
  | { readonly repaired: false; readonly note: string };

/** How often it starts anew when the code has changed under its hands. */
const mostRounds = 3;

/** Where a package's desk is found. */
export type Desks = (packageName: string) => DeskLink;

/** Makes an agent of a recipe: it proposes, applies and compiles in journalled steps, and the compiler has the last word. */
export function repairAgent(recipe: Recipe, desks: Desks, logbook: Logbook): Agent<Problem, RepairResult> {
  const { id, name, role, description, capabilities, examples } = recipe;
  return {
    id,
    name,
    role,
    description,
    capabilities,
    examples,
    run(task, context) {
      if (!recipe.about.test(task.input.message)) return context.refuse('not the kind of problem it knows about');
      const desk = desks(task.input.package);
      const step = <T>(named: string, fn: () => Promise<T>): Promise<T> =>
        witnessed(logbook, { task: task.id, agent: id, context }, named, fn);
      return desk.exclusively(async (): Promise<RepairResult> => {
        for (let round = 1; round <= mostRounds; round++) {
          const proposal = await step('propose', () => desk.propose(id, `${task.id}/${id}`, task.input));
          if (proposal.kind === 'gone') return { repaired: true, by: 'an earlier repair' };
          if (proposal.kind === 'nothing') return context.refuse(proposal.reason);
          const { edit, how } = proposal;
          await step('apply', () => desk.apply(edit));
          const verdict = await step('compile', () => desk.judge(edit));
          // Made for a text that is no more, because this worker's predecessor died in between: think again.
          if (verdict === 'stale') continue;
          if (verdict.kept) return { repaired: true, by: id, how, before: verdict.before, after: verdict.after };
          await step('undo', () => desk.undo(edit));
          return context.refuse(`tried ${how}: ${verdict.reason}`);
        }
        return context.refuse('the code around keeps changing');
      }, context.signal);
    },
  };
}
