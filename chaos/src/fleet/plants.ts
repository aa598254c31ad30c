import type { Plant } from '../scene/plant.ts';

/** Each breaks one rule, in the words of the source. */
export const plants = {
  'report of any attempt': { file: 'core/src/carry-out.ts', find: 'task.attempt !== attempt', put: 'false' },
  'step of any attempt': { file: 'core/src/carry-out.ts', find: 'task.attempt !== step.attempt', put: 'false' },
  'attempt not raised': { file: 'core/src/transition.ts', find: 'task.attempt + 1', put: 'Math.max(1, task.attempt)' },
  'steps not journalled': {
    file: 'core/src/carry-out.ts',
    find: 'draft.tables.insertStep({ ...step, at: draft.times.now })',
    put: 'undefined',
  },
  'journal not read': { file: 'executor/src/context.ts', find: 'this.#journal.get(identity)', put: 'undefined' },
  'the living swept': {
    file: 'core/src/upkeep.ts',
    find: '.filter((worker) => isExpired(worker, times))',
    put: '',
  },
  'released from the living': {
    file: 'sqlite/src/sqlite-tables.ts',
    find: 'WHERE holder NOT IN (SELECT id FROM workers)',
    put: 'WHERE TRUE',
  },
  'taken over early': {
    file: 'core/src/upkeep.ts',
    find: 'worker.leaseUntil <= times.lease',
    put: 'worker.leaseUntil <= times.lease + 300',
  },
  'not due after a crash': {
    file: 'core/src/transition.ts',
    find: 'to(due(idle(released), now))',
    put: 'to(idle(released))',
  },
  'crash not recorded': {
    file: 'core/src/transition.ts',
    find: 'events: [crashed, ...end.events]',
    put: 'events: end.events',
  },
  'retry not delayed': {
    file: 'core/src/transition.ts',
    find: 'due(idle(failed), dueAt)',
    put: 'due(idle(failed), now)',
  },
  'cancel forgotten': {
    file: 'core/src/transition.ts',
    find: 'if (task.cancelAt !== null) return cancelled(task, now);',
    put: '',
  },
  'pause not heeded': { file: 'core/src/flush.ts', find: 'workflow?.paused === true', put: 'false' },
  'cancels not counted': {
    file: 'core/src/draft.ts',
    find: 'if (change.task.workflowId !== null) {',
    put: `if (change.task.workflowId !== null && command.type !== 'cancel') {`,
  },
  'key not looked up': {
    file: 'core/src/carry-out.ts',
    find: 'task.idempotencyKey === null ? undefined',
    put: 'true ? undefined',
  },
  'commits lost': {
    file: 'sqlite/src/database.ts',
    find: `exec('COMMIT')`,
    put: `exec(Math.random() < 0.02 ? 'ROLLBACK' : 'COMMIT')`,
  },
  'result before its status': {
    file: 'core/src/transition.ts',
    find: `body: { output: command.output, error: null }`,
    put: `body: Math.random() < 0.1 ? {} : { output: command.output, error: null }`,
  },
  'cancellations not heard': {
    file: 'executor/src/lease.ts',
    find: 'if (cancelAt !== null) this.#held',
    put: 'if (cancelAt === 0) this.#held',
  },
  'a drain fails what it breaks off': {
    file: 'executor/src/attempt.ts',
    find: "if (control.cause === 'shutdown') return {",
    put: "if (control.cause === 'timeout') return {",
  },
  'a lease stays behind': {
    file: 'executor/src/lease.ts',
    find: 'store.closeWorker(id))',
    put: 'Promise.resolve())',
  },
  'swept seldom': {
    file: 'executor/src/services.ts',
    find: "time('sweepMs', Math.min(",
    put: "time('sweepMs', 10 * Math.min(",
  },
  'unsure counts as committed': {
    file: 'postgres/src/transaction.ts',
    find: "(await becameOf(client, unsure.mark)) === 'committed'",
    put: 'true',
  },
} as const satisfies Readonly<Record<string, Plant>>;

/** The name of a planted bug. */
export type PlantName = keyof typeof plants;
