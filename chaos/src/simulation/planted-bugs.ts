import {
  SymphonyError,
  type Agent,
  type AgentContext,
  type Clock,
  type Command,
  type CommitRequest,
  type ErrorCode,
  type NewTaskRecord,
  type Store,
  type SymphonyEvent,
  type TaskTimeouts,
} from '@symphony/core';
import type { FaultRates, SimulatedOpenOptions } from '@symphony/testing';
import { replaced } from './replaced.ts';

/** Something that is broken on purpose, and what a simulation must say of it. */
export interface PlantedBug {
  readonly bug: string;
  /** A store that behaves wrongly, made of one that behaves well. */
  readonly store?: (store: Store) => Partial<Store>;
  /** A clock that the store is given instead of the right one. */
  readonly clock?: (clock: Clock) => Clock;
  /** An engine that behaves wrongly: what it is opened with instead. */
  readonly open?: (options: SimulatedOpenOptions) => SimulatedOpenOptions;
  /** Faults that bring it out. Default: those that the seed draws. */
  readonly faults?: Partial<FaultRates>;
  /** `short` brings out what needs an attempt that outlives its lease. Default `long`. */
  readonly lease?: 'long' | 'short';
  /** What is said of it. */
  readonly complaint: RegExp;
}

/** Carries out other commands than were sent; `undefined`: acknowledges the command, and forgets it. */
function rewriting(rewrite: (command: Command, store: Store) => Promise<Command | undefined>) {
  return (store: Store): Partial<Store> => ({
    commit: async (request) => {
      const groups = await Promise.all(
        request.groups.map((group) => Promise.all(group.map((command) => rewrite(command, store)))),
      );
      const isForgotten = groups.some((group) => group.includes(undefined));
      if (isForgotten) return { results: groups.map(() => ({ status: 'ok', value: {} })), claimed: [] };
      return store.commit({ ...request, groups } as CommitRequest);
    },
  });
}

async function currentAttempt(id: string, store: Store): Promise<number> {
  return (await store.getTask(id))?.attempt ?? 0;
}

/** The same for what an engine sends. */
function sending(
  change: (store: Store, options: SimulatedOpenOptions) => Partial<Store>,
): (options: SimulatedOpenOptions) => SimulatedOpenOptions {
  return (options) => ({
    ...options,
    persistence: replaced(options.persistence, change(options.persistence, options)),
  });
}

function halved({ timeouts }: Pick<NewTaskRecord, 'timeouts'>): TaskTimeouts {
  return Object.fromEntries(Object.entries(timeouts).map(([name, limitMs]) => [name, Math.ceil(limitMs / 2)]));
}

/** An agent whose signal does not abort for one reason. */
function deafTo(code: ErrorCode, agent: Agent): Agent {
  const run: Agent['run'] = (task, context: AgentContext) => {
    const controller = new AbortController();
    const pass = (): void => {
      if (!SymphonyError.is(context.signal.reason, code)) controller.abort(context.signal.reason);
    };
    context.signal.addEventListener('abort', pass, { once: true });
    const heard = new Proxy(context, {
      get: (target, property) =>
        property === 'signal' ? controller.signal : (Reflect.get(target, property) as unknown),
    });
    return agent.run(task, heard);
  };
  return new Proxy(agent, {
    get: (target, property) => (property === 'run' ? run : (Reflect.get(target, property) as unknown)),
  });
}

const notEnded = /have not ended/;

/** Every bug that the simulation must find within two hundred seeds. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    bug: 'the fence of reports is dropped',
    store: rewriting(async (command, store) =>
      command.type === 'report' ? { ...command, attempt: await currentAttempt(command.id, store) } : command,
    ),
    faults: { pause: 10 },
    lease: 'short',
    complaint: /was accepted, which is running in attempt/,
  },
  {
    bug: 'the fence of steps is dropped',
    store: rewriting(async (command, store) =>
      command.type === 'recordStep'
        ? { ...command, step: { ...command.step, attempt: await currentAttempt(command.step.taskId, store) } }
        : command,
    ),
    faults: { pause: 10 },
    lease: 'short',
    complaint: /recordStep of attempt \d+ at .* was accepted/,
  },
  {
    bug: 'a late report is acknowledged',
    store: (store) => ({
      commit: async (request) => {
        const response = await store.commit(request);
        const results = response.results.map((result) =>
          result.status === 'stale' ? ({ status: 'ok', value: {} } as const) : result,
        );
        return { ...response, results };
      },
    }),
    complaint: /was accepted, which is/,
  },
  {
    bug: 'a step is acknowledged and not recorded',
    store: rewriting(async (command) => (command.type === 'recordStep' ? undefined : command)),
    complaint: /runs step .* again|was recorded and is lost/,
  },
  {
    bug: 'a task is acknowledged and not stored',
    store: rewriting(async (command) =>
      command.type === 'createTask' && command.task.name === 'task 5' ? undefined : command,
    ),
    complaint: /was acknowledged and not carried out/,
  },
  {
    bug: 'what dead workers held is never released',
    store: () => ({ sweep: async () => ({ deadWorkers: 0, releasedTasks: 0, more: false }) }),
    complaint: notEnded,
  },
  {
    bug: 'dead workers are looked for once',
    store: (store) => {
      let isDone = false;
      return {
        sweep: async (request) => {
          if (isDone) return { deadWorkers: 0, releasedTasks: 0, more: false };
          const result = await store.sweep(request);
          isDone = result.deadWorkers > 0;
          return result;
        },
      };
    },
    complaint: notEnded,
  },
  {
    bug: 'a lease runs out before its time',
    clock: (clock) => ({ ...clock, now: () => clock.now(), monotonic: () => 1.6 * clock.monotonic() }),
    complaint: /ms before its lease ended \(I12\)/,
  },
  {
    bug: 'the lease goes by the wall clock of whoever renews it',
    open: sending((store, { clock }) => {
      let last = clock.now();
      return {
        renew: (worker) => {
          // Who was set back believes that its lease will last for longer, who was set forward that it is over.
          const jumpedMs = clock.now() - last;
          last = clock.now();
          return store.renew({ ...worker, leaseMs: Math.max(1, worker.leaseMs + Math.min(0, jumpedMs)) });
        },
      };
    }),
    faults: { skew: 40 },
    complaint: /I11|I12|not told/,
  },
  {
    bug: 'the signal of an attempt does not hear of a lost lease',
    open: (options) => ({ ...options, agents: options.agents.map((agent) => deafTo('LEASE_LOST', agent as Agent)) }),
    faults: { partition: 10 },
    lease: 'short',
    complaint: /and attempt \d+ at .* went on|was not told within \d+ ms that its lease was lost/,
  },
  {
    bug: 'nobody looks for cancellations',
    open: sending((store) => ({
      holding: async (workerId) => (await store.holding(workerId)).map((held) => ({ ...held, cancelAt: null })),
      renew: async (worker) => {
        const renewal = await store.renew(worker);
        if (!renewal.alive) return renewal;
        return { ...renewal, holding: renewal.holding.map((held) => ({ ...held, cancelAt: null })) };
      },
    })),
    faults: { duplicate: 0.01 },
    complaint: /was not told within \d+ ms that it was cancelled/,
  },
  {
    bug: 'a cancellation of what runs is forgotten',
    store: rewriting(async (command, store) => {
      if (command.type !== 'cancelTask') return command;
      return (await store.getTask(command.id))?.status === 'running' ? undefined : command;
    }),
    complaint: /cancelTask of .* was acknowledged and not carried out/,
  },
  {
    bug: 'a pause is forgotten',
    store: rewriting(async (command) => (command.type === 'pauseWorkflow' ? undefined : command)),
    complaint: /pauseWorkflow of .* was acknowledged and not carried out/,
  },
  {
    bug: 'a workflow is paused that nobody has paused',
    store: rewriting(async (command) =>
      command.type === 'alignTasks' ? { type: 'pauseWorkflow', id: command.workflowId } : command,
    ),
    complaint: /was paused, and nobody has asked for it/,
  },
  {
    bug: 'an event is lost',
    store: (store) => ({
      events: async (query) =>
        (await store.events(query)).filter(({ seq, type }) => seq !== 3 || type !== 'task.claimed'),
    }),
    complaint: /follows event|was never claimed|its log says/,
  },
  {
    bug: 'a completion is recorded twice',
    store: (store) => ({
      events: async (query) => {
        const events = await store.events(query);
        return events.flatMap((event): SymphonyEvent[] => (event.type === 'task.completed' ? [event, event] : [event]));
      },
    }),
    complaint: /does not increase|follows event/,
  },
  {
    bug: 'an output is cut',
    store: rewriting(async (command) =>
      command.type === 'report' && command.command.type === 'complete' && command.command.output.length > 40
        ? { ...command, command: { ...command.command, output: '"cut"' } }
        : command,
    ),
    complaint: /another output than was accepted/,
  },
  {
    bug: 'retries do not wait',
    store: rewriting(async (command) =>
      command.type === 'report' && command.command.type === 'fail'
        ? { ...command, command: { ...command.command, retryAfterMs: 0 } }
        : command,
    ),
    complaint: /waits 0 ms for its next try/,
  },
  {
    bug: 'a task starts before those that it depends on',
    store: rewriting(async (command) =>
      command.type === 'createTask' ? { ...command, task: { ...command.task, dependsOn: [] } } : command,
    ),
    complaint: /which it depends on, was/,
  },
  {
    bug: 'keys do not count',
    store: rewriting(async (command) =>
      command.type === 'createTask' ? { ...command, task: { ...command.task, idempotencyKey: null } } : command,
    ),
    complaint: /are there twice \(I2\)/,
  },
  {
    bug: 'a lost answer is answered by a new task',
    open: sending((store, { makeId }) => ({
      commit: async (request) => {
        try {
          return await store.commit(request);
        } catch (error) {
          if (!SymphonyError.is(error, 'STORE_FAILED')) throw error;
          const renamed = request.groups.map((group) =>
            group.map((command) =>
              command.type === 'createTask' && group.length === 1
                ? { ...command, task: { ...command.task, id: makeId('tsk'), idempotencyKey: null } }
                : command,
            ),
          );
          return store.commit({ ...request, groups: renamed });
        }
      },
    })),
    faults: { answerLost: 0.3 },
    complaint: /are there twice \(I2\)/,
  },
  {
    bug: 'a spawned task is spawned again by the next attempt',
    store: rewriting(async (command) =>
      command.type === 'spawn'
        ? { ...command, task: { ...command.task, idempotencyKey: `${command.task.idempotencyKey}/${command.attempt}` } }
        : command,
    ),
    complaint: /has spawned .* twice/,
  },
  {
    bug: 'what a lost answer claimed is never handed back',
    open: sending((store) => ({
      renew: async (worker) => {
        const renewal = await store.renew(worker);
        return renewal.alive ? { ...renewal, holding: [] } : renewal;
      },
    })),
    complaint: notEnded,
  },
  {
    bug: 'only the doorbell says that there is work',
    open: (options) => ({ ...options, lease: { ...options.lease, pollMs: 86_400_000 } }),
    faults: { silence: 60 },
    complaint: /have not ended|was not told/,
  },
  {
    bug: 'a worker that stops keeps its lease',
    store: () => ({ closeWorker: async () => undefined }),
    complaint: /has closed lease .*, and it is left/,
  },
  {
    bug: 'a worker that stops does not give its lease back',
    open: sending(() => ({ closeWorker: async () => undefined })),
    complaint: /was closed, and its lease .* is left/,
  },
  {
    bug: 'who stops waits for ever',
    open: sending(() => ({ closeWorker: () => new Promise(() => undefined) })),
    complaint: /the processes do not close/,
  },
  {
    bug: 'a timer outlives its registry',
    open: (options) => {
      const tick = (): void => void options.clock.setTimer(tick, 1_000);
      tick();
      return options;
    },
    complaint: /was closed, and \d+ of its timers are left/,
  },
  {
    bug: 'the places of an agent are not counted',
    store: rewriting(async (command) =>
      command.type === 'registerAgent' ? { ...command, config: { ...command.config, limits: {} } } : command,
    ),
    faults: {},
    complaint: /attempts of "single" ran; 1 may/,
  },
  {
    bug: 'a task times out before its time',
    store: rewriting(async (command) =>
      command.type === 'createTask'
        ? { ...command, task: { ...command.task, timeouts: halved(command.task) } }
        : command,
    ),
    complaint: /after .* of \d+ ms \(I26\)/,
  },
  {
    bug: 'an attempt may run for ever',
    store: rewriting(async (command) =>
      command.type === 'createTask' ? { ...command, task: { ...command.task, timeouts: {} } } : command,
    ),
    faults: {},
    complaint: /was not told within \d+ ms that its time was over/,
  },
];
