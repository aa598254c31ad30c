// One small program in several parts, for tests that kill it, stop it and run it again. It is described by its argument.
import { appendFileSync } from 'node:fs';
import { TerminalError, type Agent } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';

/** What the program does this time. */
export interface Script {
  readonly part: 'execute' | 'retry' | 'work';
  readonly database: string;
  /** Where steps write that they happened. */
  readonly ledger: string;
  /** Kills its own process after so many steps of an attempt. */
  readonly dieAfter?: number;
  /** The agent of a worker. */
  readonly agent?: 'steps' | 'busy' | 'patient' | 'deadly';
}

/** How long these leases are; a test waits for some of them. */
export const scriptLease = { leaseMs: 600, renewMs: 200, sweepMs: 100, pollMs: 100 } as const;

/** Steps of the agent `steps`. */
export const scriptSteps = 5;

const script = JSON.parse(process.argv[2] ?? 'null') as Script | null;
if (script !== null) await play(script);

async function play({ part, database, ledger, dieAfter, agent: worker = 'steps' }: Script): Promise<void> {
  const orphaned = (): never => process.exit(3);
  process.once('disconnect', orphaned);
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  const note = (text: string): void => appendFileSync(ledger, `${text}\n`);
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const agents: Record<NonNullable<Script['agent']>, Agent> = {
    steps: {
      id: 'steps',
      async run(task, context) {
        const { attempt } = context;
        for (let index = 1; index <= scriptSteps; index++) {
          await context.step('paid', () => note(`${task.name} step ${index} attempt ${attempt}`), {
            key: String(index),
          });
          if (index === dieAfter) die();
        }
        return attempt;
      },
    },
    // Computes for three leases without ever giving the event loop back.
    busy: {
      id: 'busy',
      run(task, { attempt }) {
        note(`${task.name} begin ${attempt}`);
        const end = performance.now() + 3 * scriptLease.leaseMs;
        while (performance.now() < end);
        return attempt;
      },
    },
    patient: {
      id: 'patient',
      async run(task, { attempt, signal }) {
        note(`${task.name} begin ${attempt}`);
        for (let index = 0; index < 60; index++) {
          await wait(50);
          signal.throwIfAborted();
        }
        return attempt;
      },
    },
    deadly: {
      id: 'deadly',
      async run(task, { attempt }) {
        note(`${task.name} begin ${attempt}`);
        if (task.name === 'deadly') {
          await wait(30);
          die();
        }
        await wait(150);
        return attempt;
      },
    },
  };
  const symphony = await ServiceRegistry.open({
    persistence: `sqlite:${database}`,
    agents: Object.values(agents),
    lease: scriptLease,
  });
  const tasks = symphony.getTaskManager();
  const executor = symphony.getEnhancedExecutor();
  switch (part) {
    case 'execute': {
      const { id } = await tasks.createTask({ name: 'report', idempotencyKey: 'report' });
      process.send?.(await executor.executeTask(id, agents.steps));
      break;
    }
    case 'retry': {
      const flaky: Agent = {
        id: 'flaky',
        async run(task, context) {
          const { attempt } = context;
          note(`${task.name} attempt ${attempt} at ${Date.now()}`);
          await context.step('paid', () => note(`${task.name} step`));
          if (task.failures > 0) return attempt;
          if (dieAfter === undefined) throw new TerminalError('the first run was to die in its backoff');
          // The failure is recorded and the backoff has begun when this strikes.
          setTimeout(die, 400);
          throw new Error('not yet');
        },
      };
      const { id } = await tasks.createTask({ name: 'flaky', idempotencyKey: 'flaky' });
      process.send?.(
        await executor.executeWithRetry(id, flaky, { maxRetries: 2, retry: { initialDelayMs: 1_500, jitter: 'none' } }),
      );
      break;
    }
    case 'work': {
      const started = await symphony.startWorker({ agents: [agents[worker]], concurrency: 4 });
      process.send?.('ready');
      await started.stopOnSignals();
      break;
    }
  }
  await symphony.close();
  process.off('disconnect', orphaned).disconnect();
}
