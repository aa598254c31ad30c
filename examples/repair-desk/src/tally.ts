import { Tokens, type ServiceRegistry, type SymphonyEvent } from '@symphony/registry';

/** What has been counted of one workflow so far. */
export interface Counted {
  readonly done: number;
  readonly refusals: number;
  readonly human: number;
}

const counted: readonly SymphonyEvent['type'][] = ['task.routed', 'task.refused', 'task.completed', 'task.failed'];

/** Follows the log of the store and keeps count, a page at a time: reading costs as much as there is news. */
export class Tally {
  readonly #symphony: ServiceRegistry;
  readonly #agents = new Map<string, string>();
  readonly #counts = new Map<string, Counted>();
  #position = 0;

  constructor(symphony: ServiceRegistry) {
    this.#symphony = symphony;
  }

  /** Reads what is new. */
  async look(): Promise<void> {
    const store = this.#symphony.get(Tokens.Store);
    for (;;) {
      const events = await store.events({ types: counted, after: this.#position, limit: 1_000 });
      for (const event of events) this.#count(event);
      if (events.length < 1_000) return;
    }
  }

  /** The counts of a workflow. */
  of(workflowId: string): Counted {
    return this.#counts.get(workflowId) ?? { done: 0, refusals: 0, human: 0 };
  }

  #count(event: SymphonyEvent): void {
    this.#position = event.position;
    if (event.type === 'task.routed') this.#agents.set(event.subject, event.data.agentId);
    const id = event.workflowId;
    if (id === undefined) return;
    const { done, refusals, human } = this.of(id);
    const isDone = event.type === 'task.completed' || event.type === 'task.failed';
    this.#counts.set(id, {
      done: done + (isDone ? 1 : 0),
      refusals: refusals + (event.type === 'task.refused' ? 1 : 0),
      human: human + (isDone && this.#agents.get(event.subject) === 'needs-a-human' ? 1 : 0),
    });
  }
}
