import { createMakeId, systemClock, type Claimed, type Command, type MakeId, type Store } from '@symphony/core';
import { newTask, newWorkflow } from '@symphony/testing';

/** Agents that the measuring worker hosts, and agents that nobody does. */
export const agentIds = {
  here: ['here-1', 'here-2', 'here-3', 'here-4'],
  elsewhere: ['away-1', 'away-2', 'away-3', 'away-4'],
} as const;

/** Tasks that one transaction creates. */
const bulk = 1_000;

/** Numbers that look random and are the same in every run. */
function createDraw(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A queue of due tasks of mixed priorities, half of them for agents that nobody hosts. */
export class ScaleQueue {
  readonly #store: Store;
  readonly #makeId: MakeId = createMakeId(systemClock);
  readonly #draw = createDraw();
  #size = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds tasks until there are so many due. */
  async fillTo(size: number): Promise<void> {
    for (; this.#size < size; this.#size += Math.min(bulk, size - this.#size)) {
      await this.#create(Array.from({ length: Math.min(bulk, size - this.#size) }, (_, index) => this.#task(index)));
    }
  }

  /** Completes tasks and puts as many new ones into the queue for the same agents, so that it stays as long as it is. */
  async replace(claimed: readonly Claimed[]): Promise<void> {
    const groups = claimed.flatMap(({ id, attempt, agentId }): Command[][] => [
      [{ type: 'report', id, attempt, command: { type: 'complete', output: 'null' } }],
      [this.successor(agentId ?? agentIds.here[0])],
    ]);
    const { results } = await this.#store.commit({ groups });
    if (results.some(({ status }) => status !== 'ok')) throw new Error('A task could not be completed or replaced.');
  }

  /** One more task for an agent. */
  successor(agentId: string): Command {
    const task = newTask(this.#makeId('tsk'), { agentId, priority: this.#draw(201) - 100 });
    return { type: 'createTask', task, submit: true };
  }

  /**
   * Puts tasks that come before all others into a workflow.
   *
   * @returns its id
   */
  async addWorkflowAhead(count: number): Promise<string> {
    const id = this.#makeId('wf');
    await this.#create([{ type: 'createWorkflow', workflow: newWorkflow(id) }]);
    for (let made = 0; made < count; made += bulk) {
      const task = (index: number): Command => ({
        type: 'createTask',
        submit: true,
        task: newTask(this.#makeId('tsk'), {
          agentId: agentIds.here[index % 4] ?? '',
          workflowId: id,
          priority: 100,
          dueAt: 1,
        }),
      });
      await this.#create(Array.from({ length: Math.min(bulk, count - made) }, (_, index) => task(index)));
    }
    return id;
  }

  #task(index: number): Command {
    const side = index % 2 === 0 ? agentIds.here : agentIds.elsewhere;
    return this.successor(side[(index >> 1) % side.length] ?? '');
  }

  async #create(group: readonly Command[]): Promise<void> {
    const { results } = await this.#store.commit({ groups: [group] });
    if (results[0]?.status !== 'ok') throw new Error(`Tasks could not be created: ${JSON.stringify(results[0])}`);
  }
}
