import type { Agent, AgentContext } from '@symphony/registry';
import type { DeskLink, Seat } from '../desk/desk-link.ts';
import type { Problem } from '../desk/problems.ts';
import { witnessed, type Logbook } from '../logbook.ts';
import type { Recipe } from './recipe.ts';

/** What became of a problem. */
export type RepairResult =
  | {
      readonly repaired: true;
      readonly by: string;
      readonly how: string;
      /** The lines that it changed, in the form of a unified diff. */
      readonly diff: readonly string[];
      readonly before: number;
      readonly after: number;
    }
  | { readonly repaired: true; readonly by: 'an earlier repair' }
  | { readonly repaired: false; readonly note: string };

/** The file is no longer the one that a repair was worked out for. Another try, on the text as it is then, may well do. */
class FileChangedError extends Error {
  constructor(file: string) {
    super(`${file} has changed since the repair was worked out`);
    this.name = 'FileChangedError';
  }
}

/** How often it may come too late before it works a repair out while nobody else edits. */
const mostConflicts = 3;

/** Where a unit's desk is found. */
export type Desks = (unit: string) => DeskAccess;

/** What an agent does at a desk. */
export type DeskAccess = Pick<DeskLink, 'seated' | 'exclusively' | 'apply' | 'judge' | 'undo'>;

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
      const problem = task.input;
      if (!recipe.about.test(problem.message)) return context.refuse('not the kind of problem it knows about');
      const desk = desks(problem.package);
      return desk.seated(
        (seat) => new Repair({ id, taskId: task.id, problem, desk, seat, context, logbook }).run(),
        context.signal,
      );
    },
  };
}

interface RepairOptions {
  readonly id: string;
  readonly taskId: string;
  readonly problem: Problem;
  readonly desk: DeskAccess;
  readonly seat: Seat;
  readonly context: Pick<AgentContext, 'attempt' | 'signal' | 'step' | 'refuse'>;
  readonly logbook: Logbook;
}

/** One attempt at one problem. */
class Repair {
  readonly #options: RepairOptions;

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  /**
   * A proposal that came too late is on record with its refusal: the next attempt passes over both and proposes anew.
   *
   * @throws FileChangedError when it is this attempt that came too late
   */
  async run(): Promise<RepairResult> {
    const { desk, context } = this.#options;
    for (let conflicts = 0; ; conflicts++) {
      const result =
        conflicts < mostConflicts
          ? await this.#round((work) => desk.exclusively(work, context.signal))
          : await desk.exclusively(() => this.#round((work) => work()), context.signal);
      if (result !== 'too late') return result;
    }
  }

  async #round(
    exclusively: (work: () => Promise<RepairResult | 'too late'>) => Promise<RepairResult | 'too late'>,
  ): Promise<RepairResult | 'too late'> {
    const { id, taskId, problem, desk, seat, context } = this.#options;
    const proposal = await this.#step('propose', () => seat.propose(id, `${taskId}/${id}`, problem));
    if (proposal.value.kind === 'gone') return { repaired: true, by: 'an earlier repair' };
    if (proposal.value.kind === 'nothing') return context.refuse(proposal.value.reason);
    const { edit, how, diff } = proposal.value;
    return exclusively(async () => {
      const applied = await this.#step('apply', () => desk.apply(edit));
      const verdict = applied.value === 'stale' ? applied : await this.#step('compile', () => desk.judge(edit));
      if (typeof verdict.value === 'string') {
        if (verdict.isNew) throw new FileChangedError(edit.file);
        return 'too late';
      }
      const { kept, before, after, reason } = verdict.value;
      if (kept) return { repaired: true, by: id, how, diff, before, after };
      await this.#step('undo', () => desk.undo(edit));
      return context.refuse(`tried ${how}: ${reason}`);
    });
  }

  /** A journalled step, and whether it is this attempt that ran it. */
  async #step<T>(name: string, fn: () => Promise<T>): Promise<{ readonly value: T; readonly isNew: boolean }> {
    const { id, taskId, context, logbook } = this.#options;
    let isNew = false;
    const value = await witnessed(logbook, { task: taskId, agent: id, context }, name, () => {
      isNew = true;
      return fn();
    });
    return { value, isNew };
  }
}
