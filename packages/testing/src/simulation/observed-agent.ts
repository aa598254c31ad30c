import type { Agent, AgentContext, StepOptions, Task } from '@symphony/core';
import type { ActiveAttempt, Referee } from './referee.ts';
import type { VirtualProcess } from './virtual-process.ts';

/** The same agent, and the referee hears of its attempts and steps. */
export function observedAgent(agent: Agent, process: VirtualProcess, referee: Referee): Agent {
  const run = async (task: Task, context: AgentContext): Promise<unknown> => {
    const { attempt, signal } = context;
    const active = referee.enter({ taskId: task.id, attempt, agentId: agent.id, process, signal });
    try {
      return await agent.run(task, observedContext(context, active, referee));
    } finally {
      referee.leave(active);
    }
  };
  // Not a copy: an agent may be an object of a class, with what it has in common with others in its prototype.
  return new Proxy(agent, {
    get: (target, property) => (property === 'run' ? run : (Reflect.get(target, property, target) as unknown)),
  });
}

function observedContext(context: AgentContext, active: ActiveAttempt, referee: Referee): AgentContext {
  const finished = new Map<string, number>();
  const step = async <T>(name: string, fn: () => T | Promise<T>, options?: StepOptions): Promise<T> => {
    // As `StepRow` says: `name#n` for the n-th of its name, or `name:key`.
    const plain = name.replace(/[%#:]/g, encodeURIComponent);
    const key = options?.key;
    const identity = key === undefined ? `${plain}#${(finished.get(name) ?? 0) + 1}` : `${plain}:${key}`;
    const entered = (): T | Promise<T> => {
      referee.enterStep(active, identity);
      return fn();
    };
    const result = await context.step(name, entered, options);
    if (key === undefined) finished.set(name, (finished.get(name) ?? 0) + 1);
    return result;
  };
  return new Proxy(context, {
    get(target, property) {
      if (property === 'step') return step;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
