import { setTimeout as wait } from 'node:timers/promises';
import type { Agent, AgentContext, JsonValue, Task } from '@symphony/registry';
import type { Logbook } from './logbook.ts';

/** What an order asks for. */
interface Order {
  readonly subject: string;
}

/** The agents that every worker hosts. They write into the logbook what they do outside of the store. */
export function createAgents(logbook: Logbook): readonly Agent[] {
  /** A step that takes time and money. */
  async function pay(task: Task<Order>, context: AgentContext, step: string): Promise<string> {
    const about = { task: task.id, attempt: context.attempt, of: step };
    const result = await context.step(step, async () => {
      logbook.write({ ...about, what: 'began' });
      await wait(150, undefined, { signal: context.signal });
      return `${step} of ${task.input.subject}`;
    });
    logbook.write({ ...about, what: 'recorded' });
    return result;
  }

  const reporter: Agent<Order, string[], JsonValue> = {
    id: 'reporter',
    description: 'Writes a report in three steps, each paid for once',
    async run(task, context) {
      const parts = [await pay(task, context, 'sources'), await pay(task, context, 'notes')];
      return [...parts, await pay(task, context, 'report')];
    },
  };

  const interviewer: Agent<Order, string, JsonValue> = {
    id: 'interviewer',
    description: 'Asks somebody who does not answer the first time',
    limits: { timeouts: { startToCloseMs: 800 } },
    async run(task, context) {
      // The signal aborts when the time is over, and also when the task is cancelled or the lease is lost.
      if (context.attempt === 1) await wait(60_000, undefined, { signal: context.signal });
      return pay(task, context, 'answer');
    },
  };

  const monitor: Agent = {
    id: 'monitor',
    description: 'Watches until somebody cancels its task',
    async run(task, context) {
      const about = { task: task.id, attempt: context.attempt, of: 'watch' };
      logbook.write({ ...about, what: 'began' });
      for (let looks = 1; !context.signal.aborted; looks++) {
        context.progress({ looks });
        await wait(100, undefined, { signal: context.signal }).catch(() => undefined);
      }
      logbook.write({ ...about, what: 'stopped' });
      throw context.signal.reason;
    },
  };

  return [reporter, interviewer, monitor];
}
