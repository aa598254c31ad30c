import type { Plant } from './plant.ts';

/** A bug that breaks one invariant, and the test that must fail of it. */
export interface PlantedBug {
  /** The invariant, as docs/invariants.md numbers it. */
  readonly breaks: string;
  /** The bug in words, as docs/invariants.md has them. */
  readonly bug: string;
  readonly plant: Plant;
  /** The test file that is run, and the title of the test as its source has it. */
  readonly foundBy: { readonly file: string; readonly test: string };
}

/** Every bug that `pnpm exec node tooling/planted/run.ts` plants. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    breaks: 'I1',
    bug: 'the SQLite store takes back what it has answered for',
    plant: {
      file: 'packages/persistence/sqlite/src/database.ts',
      find: "exec('COMMIT')",
      put: "exec(database.prepare('SELECT 1 FROM sqlite_master').get() && database.prepare('SELECT 1 FROM tasks').get() ? 'ROLLBACK' : 'COMMIT')",
    },
    foundBy: {
      file: 'packages/persistence/sqlite/src/sqlite-store.test.ts',
      test: 'keeps what it acknowledged when it is opened again',
    },
  },
  {
    breaks: 'I1',
    bug: 'the PostgreSQL store is as durable as the role that it was given',
    plant: {
      file: 'packages/persistence/postgres/src/connections.ts',
      find: "WHERE current_setting('synchronous_commit') = 'off'`",
      put: "WHERE current_setting('synchronous_commit') = 'never'`",
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/opening.test.ts',
      test: 'commits durably, whatever the default of the server or the role is',
    },
  },
  {
    breaks: 'I1',
    bug: 'a transaction of PostgreSQL counts as committed if another one has got its number',
    plant: {
      file: 'packages/persistence/postgres/src/commit-marks.ts',
      find: "if (!goesOn) return 'undone';",
      put: "if (!goesOn) return (await ask(client, statement('SELECT pg_xact_status($1::text::xid8)'), [mark.transactionId])).rows[0]?.[0] === 'committed' ? 'committed' : 'undone';",
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/surviving.test.ts',
      test: 'may give the number of that transaction to another: nothing counts as stored because of it',
    },
  },
  {
    breaks: 'I2',
    bug: 'another body under a known key counts as the same',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: 'if (known.bodyHash !== task.bodyHash) {',
      put: 'if (false) {',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'with another body is refused, and nothing is merged',
    },
  },
  {
    breaks: 'I3',
    bug: 'a group that is refused leaves what came before the refusal',
    plant: {
      file: 'packages/core/src/flush.ts',
      find: "if ('status' in answer) return answer;",
      put: "if ('status' in answer) {\n        this.#write(draft);\n        return answer;\n      }",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is not created at all if one of its tasks is refused',
    },
  },
  {
    breaks: 'I4',
    bug: 'a completed task can be retried',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: "retry: { failed: ['pending'], cancelled: ['pending'] },",
      put: "retry: { failed: ['pending'], cancelled: ['pending'], completed: ['pending'] },",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is terminal: nothing but a look is possible afterwards',
    },
  },
  {
    breaks: 'I5',
    bug: 'two events of one command have one number',
    plant: {
      file: 'packages/core/src/draft.ts',
      find: 'seq: lastSeq + 1 + index,',
      put: 'seq: lastSeq + 1,',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'with a claim is decision and attempt in one commit',
    },
  },
  {
    breaks: 'I6',
    bug: 'an attempt that is handed back gives its number back',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'return to(due(idle(task), now), {',
      put: 'return to({ ...due(idle(task), now), attempt: task.attempt - 1 }, {',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'attempts are numbered 1..n over every way of ending, and none is used twice',
    },
  },
  {
    breaks: 'I6',
    bug: 'the last retry is not made',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'failures > (task.retry.maxRetries',
      put: 'failures >= (task.retry.maxRetries',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is the end once failures exceed the retries',
    },
  },
  {
    breaks: 'I6',
    bug: 'a crash counts as a failure too',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'const released = { ...task, crashes };',
      put: 'const released = { ...task, crashes, failures: task.failures + 1 };',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'have a budget of their own: after three in a row the task is POISON',
    },
  },
  {
    breaks: 'I8',
    bug: 'a row that cannot be read breaks every query that meets it',
    plant: {
      file: 'packages/persistence/sqlite/src/rows.ts',
      find: '  } catch {\n    return fallback;',
      put: '  } catch (error) {\n    throw error;',
    },
    foundBy: {
      file: 'packages/registry/src/unreadable.test.ts',
      test: 'in its %s runs as if that had not been given, and keeps nobody from running',
    },
  },
  {
    breaks: 'I8',
    bug: 'what is no JSON any more is read as null',
    plant: {
      file: 'packages/core/src/json.ts',
      find: "throw new SymphonyError('STORE_CORRUPT', `What was stored is no JSON any more: ${text.slice(0, 60)}`, { cause });",
      put: 'return null;',
    },
    foundBy: {
      file: 'packages/registry/src/unreadable.test.ts',
      test: 'in its %s fails that task with STORE_CORRUPT, and no other',
    },
  },
  {
    breaks: 'I7',
    bug: 'a worker that has been still goes on waiting for an empty place',
    plant: { file: 'packages/core/src/suspect.ts', find: 'if (still) return true;', put: '' },
    foundBy: {
      file: 'packages/executor/src/suspects.test.ts',
      test: 'may itself wait for a child',
    },
  },
  {
    breaks: 'I7',
    bug: 'a task that is one crash from being poison runs beside others',
    plant: {
      file: 'packages/core/src/flush.ts',
      find: 'if (isSuspect(task)) break;',
      put: '',
    },
    foundBy: {
      file: 'packages/core/src/claim.test.ts',
      test: 'run alone on their worker',
    },
  },
  {
    breaks: 'I9',
    bug: 'a claim does not raise the number of the attempt',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'const attempt = task.attempt + 1;',
      put: 'const attempt = Math.max(1, task.attempt);',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'attempts are numbered 1..n over every way of ending, and none is used twice',
    },
  },
  {
    breaks: 'I9',
    bug: 'a running task can be claimed by id',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: "if (task.status !== 'pending' || (holder !== null && tables.worker(holder) !== undefined))",
      put: "if (task.status !== 'running' && holder !== null && tables.worker(holder) !== undefined)",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'of a running task is TASK_NOT_CLAIMABLE and tells until when its holder has a lease',
    },
  },
  {
    breaks: 'I9',
    bug: 'SQLite is asked for its write lock only at the first write',
    plant: {
      file: 'packages/persistence/sqlite/src/database.ts',
      find: "database.exec('BEGIN IMMEDIATE')",
      put: "database.exec('BEGIN')",
    },
    foundBy: {
      file: 'packages/persistence/sqlite/src/sqlite-store.test.ts',
      test: 'gives each of 10,000 tasks to one of four processes, and to no other',
    },
  },
  {
    breaks: 'I9',
    bug: 'claims on PostgreSQL do not lock what they take',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: 'WHERE tasks.id = candidates.id OFFSET 0 FOR UPDATE SKIP LOCKED) AS task',
      put: 'WHERE tasks.id = candidates.id OFFSET 0) AS task',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/racing.test.ts',
      test: 'gives each of ${count} tasks to one of four processes, and to no other',
    },
  },
  {
    breaks: 'I10',
    bug: 'a late attempt can spawn',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: "if (parent.status !== 'running' || parent.attempt !== attempt) return { status: 'stale' };",
      put: '',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is none for an attempt that has lost its task or has ended',
    },
  },
  {
    breaks: 'I11',
    bug: 'a silent store is noticed after the lease is over',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: 'this.#renewedAt > times.leaseMs - times.renewMs;',
      put: 'this.#renewedAt > times.leaseMs + times.renewMs;',
    },
    foundBy: {
      file: 'packages/executor/src/lease.test.ts',
      test: 'aborts its attempts before its lease ends, if the store %s',
    },
  },
  {
    breaks: 'I11',
    bug: 'a write that came too late is only refused',
    plant: {
      file: 'packages/executor/src/context.ts',
      find: 'this.#control.lose(lost);',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/lease.test.ts',
      test: 'can write nothing: neither step, nor progress, nor result; and learns that it lost',
    },
  },
  {
    breaks: 'I11',
    bug: 'a worker without a row tells its attempts nothing',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: "this.#loseAll('its lease ran out and its tasks were given to others');",
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/lease.test.ts',
      test: 'that was lost aborts every signal with LEASE_LOST and rejects executeTask',
    },
  },
  {
    breaks: 'I11',
    bug: 'an attempt that others have ended runs on',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: 'if (attempt !== undefined && isOlder &&',
      put: 'if (false && isOlder &&',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'is lost within a second: its signal says LEASE_LOST',
    },
  },
  {
    breaks: 'I11',
    bug: 'an attempt is lost by an answer that is older than it',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: 'const isOlder = (this.#heldAfter.get(held) ?? look) < look;',
      put: 'const isOlder = true;',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'is not lost by an answer that is older than the attempt',
    },
  },
  {
    breaks: 'I11',
    bug: 'an attempt is lost while it reports',
    plant: {
      file: 'packages/executor/src/attempt-control.ts',
      find: 'return this.#isReporting ? undefined : this.#attempt;',
      put: 'return this.#attempt;',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'is not lost while it reports, nor while its post-hooks run',
    },
  },
  {
    breaks: 'I11',
    bug: 'a renewal that is not answered keeps a process from noticing',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: "this.#renew().catch((error: unknown) => this.#report(error, 'The lease was not renewed; it is tried again.'));",
      put: 'await this.#renew();',
    },
    foundBy: {
      file: 'packages/executor/src/lease.test.ts',
      test: 'aborts its attempts before its lease ends, if the store %s',
    },
  },
  {
    breaks: 'I12',
    bug: 'a lease is over 300 ms early',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'worker.leaseUntil <= times.lease;',
      put: 'worker.leaseUntil <= times.lease + 300;',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'takes nothing before the lease is over, and everything when it is',
    },
  },
  {
    breaks: 'I12',
    bug: 'leases on SQLite go by the wall clock of each process',
    plant: {
      file: 'packages/persistence/sqlite/src/lease-clock.ts',
      find: 'lease: systemClock.monotonic(), bootId',
      put: 'lease: systemClock.now(), bootId',
    },
    foundBy: {
      file: 'packages/registry/src/processes.test.ts',
      test: 'leave each other their leases: one that is wrong by %i ms takes nothing early',
    },
  },
  {
    breaks: 'I12',
    bug: 'on PostgreSQL only the main thread renews a lease',
    plant: {
      file: 'packages/persistence/postgres/src/heart-link.ts',
      find: "this.#post({ type: 'follow', beat });",
      put: '',
    },
    foundBy: {
      file: 'chaos/src/lease-threads.test.ts',
      test: 'keeps its lease, since another thread renews it',
    },
  },
  {
    breaks: 'I12',
    bug: 'on SQLite only the main thread renews a lease',
    plant: {
      file: 'packages/persistence/sqlite/src/thread.ts',
      find: "if (call === 'openWorker' || call === 'renew') heart.follow(input as WorkerBeat);",
      put: '',
    },
    foundBy: {
      file: 'chaos/src/lease-threads.test.ts',
      test: 'keeps its lease, since another thread renews it',
    },
  },
  {
    breaks: 'I13',
    bug: 'a main thread that hangs keeps its lease for ever',
    plant: {
      file: 'packages/core/src/heart.ts',
      find: '(beat.stallMs ?? Infinity)',
      put: 'Infinity',
    },
    foundBy: {
      file: 'chaos/src/lease-threads.test.ts',
      test: 'loses it if it goes on for longer than the limit of a stall: it may as well never end',
    },
  },
  {
    breaks: 'I13',
    bug: 'a process sweeps once, when it opens its lease',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: 'this.#every(sweepMs, () => this.sweep());',
      put: 'void this.sweep();',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'takes over what a dead one left: attempt n + 1, one crash',
    },
  },
  {
    breaks: 'I13',
    bug: 'a sweep takes on all of the dead at once',
    plant: { file: 'packages/core/src/upkeep.ts', find: 'expired.slice(0, deadLimit)', put: 'expired' },
    foundBy: {
      file: 'packages/core/src/upkeep.test.ts',
      test: 'judges ten dead workers at a time, so that no sweep takes so long that it may judge nobody',
    },
  },
  {
    breaks: 'I13',
    bug: 'a sweep releases only when it has itself found somebody dead',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'const missing = tables.missingWorkers(deadLimit);',
      put: 'const missing = dead.length > 0 ? tables.missingWorkers(deadLimit) : [];',
    },
    foundBy: {
      file: 'packages/registry/src/restart.test.ts',
      test: 'in the middle of the recovery, when the worker’s row was gone and its task was not released yet',
    },
  },
  {
    breaks: 'I13',
    bug: 'a lease of another boot goes on',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'worker.bootId !== times.bootId ||',
      put: '',
    },
    foundBy: {
      file: 'packages/registry/src/restart.test.ts',
      test: 'of the whole machine: a lease of another boot is over',
    },
  },
  {
    breaks: 'I13',
    bug: 'on PostgreSQL a claim does not keep the row of its worker',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: "export const keepWorkers = statement(locked(givenIds, workerList, { from: 'workers', strength: 'KEY SHARE' }));",
      put: 'export const keepWorkers = statement(`SELECT ${workerList} FROM workers WHERE id = ANY ($1::text[])`);',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/side-by-side.test.ts',
      test: 'give no task to a worker whose row is being removed',
    },
  },
  {
    breaks: 'I14',
    bug: 'a task that completes keeps the error of its last failure',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'body: { output: command.output, error: null },',
      put: 'body: { output: command.output },',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'forgets the error of earlier attempts',
    },
  },
  {
    breaks: 'I15',
    bug: 'a task completes and its output does not come with it',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'body: { output: command.output, error: null },',
      put: 'body: { error: null },',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'stores exactly the output, in the commit that ends the task',
    },
  },
  {
    breaks: 'I16',
    bug: 'a result that is too large is tried again',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: "'RESULT_NOT_SERIALIZABLE',\n  'RESULT_TOO_LARGE',\n",
      put: "'RESULT_NOT_SERIALIZABLE',\n",
    },
    foundBy: {
      file: 'packages/executor/src/attempt.test.ts',
      test: '%s fails the task at once, which is never left running',
    },
  },
  {
    breaks: 'I16',
    bug: 'a report that the store refuses is given up',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'const end = await report(services, lease, control, request, failure(services, request, error, false));',
      put: 'const end = lostEnd;',
    },
    foundBy: {
      file: 'packages/executor/src/outage.test.ts',
      test: 'is replaced by a failure that says so: the task is never left running',
    },
  },
  {
    breaks: 'I16',
    bug: 'a full disk is an error like others',
    plant: {
      file: 'packages/executor/src/patiently.ts',
      find: "!SymphonyError.is(error, 'STORE_FAILED') && !SymphonyError.is(error, 'STORE_FULL')",
      put: "!SymphonyError.is(error, 'STORE_FAILED')",
    },
    foundBy: {
      file: 'packages/executor/src/full-store.test.ts',
      test: 'keeps no result from being stored once there is space again, and the agent is not run again',
    },
  },
  {
    breaks: 'I17',
    bug: 'a workflow settles while its last task is open',
    plant: {
      file: 'packages/core/src/workflow.ts',
      find: 'return row.open === 0 &&',
      put: 'return row.open <= 1 &&',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'fails at once when a task fails for good, and settles when none is open',
    },
  },
  {
    breaks: 'I17',
    bug: 'a failed task does not fail its workflow',
    plant: {
      file: 'packages/core/src/workflow.ts',
      find: "if (row.failed > 0) return 'failed';",
      put: '',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'fails at once when a task fails for good, and settles when none is open',
    },
  },
  {
    breaks: 'I18',
    bug: 'a task starts with the first of what it waits for',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'if (openDependencies > 0) return to({ ...task, openDependencies });',
      put: '',
    },
    foundBy: {
      file: 'packages/core/src/dependencies.test.ts',
      test: 'is not taken by a worker before the last of them has completed, and then at once',
    },
  },
  {
    breaks: 'I18',
    bug: 'a task that waits can be started by id',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: 'if (task.openDependencies > 0)\n    return refused(',
      put: 'if (task.openDependencies > 99)\n    return refused(',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is not started by id while it waits',
    },
  },
  {
    breaks: 'I18',
    bug: 'a failed dependency counts as done',
    plant: {
      file: 'packages/core/src/draft.ts',
      find: "if (ended.status === 'completed') this.change(dependant, { type: 'unblock' });",
      put: "if (ended.status !== 'running') this.change(dependant, { type: 'unblock' });",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'its dependants are cancelled in the same transaction, however deep, over workflows',
    },
  },
  {
    breaks: 'I18',
    bug: 'outputs of dependencies are handed over in the order of their ids',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'const output = outputs.get(taskId) ?? null;',
      put: 'const output = outputs.values().next().value ?? null;',
    },
    foundBy: {
      file: 'packages/executor/src/graph.test.ts',
      test: 'holds the outputs of what a task depended on, by the names that it gave them',
    },
  },
  {
    breaks: 'I19',
    bug: 'a task that is named twice is waited for twice',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: 'for (const taskId of new Set(task.dependsOn.map((dependency) => dependency.taskId))) {',
      put: 'for (const taskId of task.dependsOn.map((dependency) => dependency.taskId)) {',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'on one task by two names waits for it once',
    },
  },
  {
    breaks: 'I19',
    bug: 'a repeated attempt spawns again',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: 'const known = draft.tables.taskHash({ key: task.idempotencyKey as string });',
      put: 'const known = undefined as { readonly id: string } | undefined;',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is created once per key, however often the attempt is repeated',
    },
  },
  {
    breaks: 'I19',
    bug: 'on PostgreSQL dependants are read without a lock',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: "locked('SELECT DISTINCT task_id FROM dependencies WHERE depends_on = ANY ($1::text[])', taskList),",
      put: '`SELECT ${taskList} FROM tasks WHERE id IN (SELECT task_id FROM dependencies WHERE depends_on = ANY ($1::text[]))`,',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/meeting.test.ts',
      test: 'and complete what a task waits for free it once',
    },
  },
  {
    breaks: 'I20',
    bug: 'cancelled tasks are not counted',
    plant: {
      file: 'packages/core/src/draft.ts',
      find: 'if (change.task.workflowId !== null) {',
      put: "if (change.task.workflowId !== null && command.type !== 'cancel') {",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'ends what waits, asks what runs to stop, and keeps what has completed',
    },
  },
  {
    breaks: 'I20',
    bug: 'of two tasks that end in one commit one is counted',
    plant: {
      file: 'packages/core/src/draft.ts',
      find: 'known === undefined ? delta : addCounters(known, delta)',
      put: 'delta',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'counts exactly, however many tasks end in one commit or at one moment',
    },
  },
  {
    breaks: 'I20',
    bug: 'on PostgreSQL counters are neither locked nor added to as they are',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: "export const lockCounters = statement(\n  locked(givenIds, 'id, paused, cancel_requested', { from: 'workflows', strength: 'NO KEY UPDATE' }),\n);\n\n/** Adds to counters and answers with the rows that come of it. */\nexport const addCounters = statement(\n  `UPDATE workflows AS stored SET ${counterColumns.map((name) => `${name} = stored.${name} + given.${name}`)",
      put: 'export const lockCounters = statement(`SELECT id, paused, cancel_requested FROM workflows WHERE id = ANY ($1::text[])`);\n\nexport const addCounters = statement(\n  `UPDATE workflows AS stored SET ${counterColumns.map((name) => `${name} = (SELECT before.${name} FROM workflows AS before WHERE before.id = stored.id) + given.${name}`)',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/meeting.test.ts',
      test: 'and change the counters of one workflow add up',
    },
  },
  {
    breaks: 'I21',
    bug: 'a worker claims one more than it has slots',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'return Math.min(slots, room);',
      put: 'return Math.min(slots + 1, room);',
    },
    foundBy: { file: 'packages/executor/src/worker.test.ts', test: 'never claims more than its free slots' },
  },
  {
    breaks: 'I21',
    bug: 'what was given up does not count',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: '2 * this.concurrency - this.#taken - this.#abandoned',
      put: '2 * this.concurrency - this.#taken',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'free their slots, but running and abandoned together are at most twice the concurrency',
    },
  },
  {
    breaks: 'I21',
    bug: 'an agent is given one more than its limit',
    plant: {
      file: 'packages/core/src/free-places.ts',
      find: 'concurrency - rows.countRunning(agentId)',
      put: 'concurrency + 1 - rows.countRunning(agentId)',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'never runs more than its limit at any commit, however many workers claim at the same moment',
    },
  },
  {
    breaks: 'I21',
    bug: 'the starts of one group do not count for the limit of an agent',
    plant: {
      file: 'packages/core/src/draft.ts',
      find: 'this.#tables.countRunning(agentId) + (this.#running.get(agentId) ?? 0)',
      put: 'this.#tables.countRunning(agentId)',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is given no more by the commands of one group',
    },
  },
  {
    breaks: 'I21',
    bug: 'a batch starts all at once',
    plant: {
      file: 'packages/executor/src/executor.ts',
      find: 'Math.min(maxConcurrent, batch.length)',
      put: 'batch.length',
    },
    foundBy: {
      file: 'packages/executor/src/batch-execute.test.ts',
      test: 'runs ten at once where nobody said how many',
    },
  },
  {
    breaks: 'I21',
    bug: 'for the limit of an agent the attempts of one worker count',
    plant: {
      file: 'packages/persistence/sqlite/src/sqlite-tables.ts',
      find: "WHERE status = 'running' AND agent_id = ?`",
      put: "WHERE status = 'running' AND agent_id = ? AND worker_id = (SELECT max(id) FROM workers)`",
    },
    foundBy: {
      file: 'packages/registry/src/processes.test.ts',
      test: 'runs no third, however many processes host it, and two whenever there is work',
    },
  },
  {
    breaks: 'I21',
    bug: 'on PostgreSQL the places of an agent are counted without a lock',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: "export const lockAgents = statement(locked(givenIds, agentList, { from: 'agents' }));",
      put: "export const lockAgents = statement(locked(givenIds, agentList, { from: 'agents', strength: 'KEY SHARE' }));",
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/meeting.test.ts',
      test: 'and claim for one agent start no more than it may',
    },
  },
  {
    breaks: 'I23',
    bug: 'a worker does not hear the doorbell',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'this.#services.store.onChange(() => this.#pump()),',
      put: 'this.#services.store.onChange(() => undefined),',
    },
    foundBy: { file: 'packages/executor/src/worker.test.ts', test: 'is woken by the doorbell' },
  },
  {
    breaks: 'I23',
    bug: 'a worker looks for work once',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'if (!this.#stopping) this.#poll();',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/slots.test.ts',
      test: 'goes on looking for as long as it lives where the doorbell is silent',
    },
  },
  {
    breaks: 'I23',
    bug: 'a claim that failed keeps its slots',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'this.#taken -= limit;\n        this.#report(error',
      put: 'this.#report(error',
    },
    foundBy: {
      file: 'packages/executor/src/outage.test.ts',
      test: 'and held a claim for work is made again; what it took comes back within two renewals, at no cost',
    },
  },
  {
    breaks: 'I23',
    bug: 'an attempt that ended keeps its slot',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: '.finally(() => {\n        this.#taken--;',
      put: '.finally(() => {',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'never runs more than its concurrency %i at once, and as many as it may',
    },
  },
  {
    breaks: 'I23',
    bug: 'who rings while a claim is under way is not heard',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'if (this.#claimAgain) this.#pump();',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/slots.test.ts',
      test: 'takes what falls due while its claim is under way as soon as that is answered, not at the next look',
    },
  },
  {
    breaks: 'I23',
    bug: 'a slot that has become free is left until the next look',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'this.#checkIdle();\n        this.#pump();',
      put: 'this.#checkIdle();',
    },
    foundBy: {
      file: 'packages/executor/src/slots.test.ts',
      test: 'takes the next task at once when a post-hook was the last to use the slot',
    },
  },
  {
    breaks: 'I23',
    bug: 'a worker forgets a slot with each post-hook',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: '.finally(() => {\n        this.#taken--;\n        this.#checkIdle();',
      put: '.finally(() => {\n        if (this.#services.hooks.length === 0) this.#taken--;\n        this.#checkIdle();',
    },
    foundBy: {
      file: 'packages/executor/src/slots.test.ts',
      test: 'takes the next task at once when a post-hook was the last to use the slot',
    },
  },
  {
    breaks: 'I24',
    bug: 'priority is worth more than any age',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'return dueAt - priority * priorityStepMs;',
      put: 'return dueAt - priority * 1e12;',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'values a step of priority at a minute of waiting, so that nothing waits for ever',
    },
  },
  {
    breaks: 'I24',
    bug: 'of equals the younger goes first',
    plant: {
      file: 'packages/core/src/flush.ts',
      find: 'first.claimKey === second.claimKey && first.id < second.id',
      put: 'first.claimKey === second.claimKey && first.id > second.id',
    },
    foundBy: {
      file: 'packages/core/src/claim.test.ts',
      test: 'is by when tasks fell due, then by id, across agents and unrouted tasks',
    },
  },
  {
    breaks: 'I24',
    bug: 'what nobody can take stays ahead of all others',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'const order = claimKey(now, task.priority);',
      put: 'const order = task.claimKey;',
    },
    foundBy: {
      file: 'packages/executor/src/slots.test.ts',
      test: 'reaches what somebody can take, however many that nobody can take are ahead and however slow the store is',
    },
  },
  {
    breaks: 'I25',
    bug: 'full jitter can draw no delay at all',
    plant: {
      file: 'packages/core/src/retry.ts',
      find: 'return Math.ceil(computed * (1 - draw));',
      put: 'return Math.floor(computed * (1 - draw));',
    },
    foundBy: {
      file: 'packages/core/src/retry.test.ts',
      test: 'is at least a millisecond unless the policy asks for zero',
    },
  },
  {
    breaks: 'I25',
    bug: 'a retry is due at once',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: '...due(idle(failed), dueAt), boundTo',
      put: '...due(idle(failed), now), boundTo',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is tried again when its policy says, by whoever hosts the agent',
    },
  },
  {
    breaks: 'I25',
    bug: 'an error that says it is final is retried',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'const retryable = !TerminalError.is(error) && ',
      put: 'const retryable = ',
    },
    foundBy: {
      file: 'packages/executor/src/execute-with-retry.test.ts',
      test: 'stops at once on a TerminalError, under its code',
    },
  },
  {
    breaks: 'I25',
    bug: 'a report that was sent twice is a failure more',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'isTerminal(record.status) || resent || record.failures > task.failures;',
      put: 'isTerminal(record.status);',
    },
    foundBy: { file: 'packages/executor/src/outage.test.ts', test: 'and held a failure costs one failure, not two' },
  },
  {
    breaks: 'I26',
    bug: 'the time to start counts from the submission of a task that is due later',
    plant: {
      file: 'packages/core/src/time-limits.ts',
      find: 'deadline(times, inMs + scheduleToStartMs)',
      put: 'deadline(times, scheduleToStartMs)',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'counts from when the task falls due',
    },
  },
  {
    breaks: 'I26',
    bug: 'the time to start passes while the workflow is paused',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: "if (workflow?.paused === true && task.status === 'pending' && !task.held) return",
      put: 'if (false) return',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'does not pass while the workflow is paused, and begins anew when it is resumed',
    },
  },
  {
    breaks: 'I26',
    bug: 'a task is started after its time to start',
    plant: {
      file: 'packages/core/src/flush.ts',
      find: '} else if (passedLimit(task, this.#times) !== undefined) {',
      put: '} else if (Math.abs(0) > 0) {',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is not outrun by a claim that comes later',
    },
  },
  {
    breaks: 'I26',
    bug: 'a wall clock that is set on passes every limit',
    plant: {
      file: 'packages/core/src/time-limits.ts',
      find: 'return bootId === times.bootId ? lease - times.lease : at - times.now;',
      put: 'return at - times.now;',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is not passed by a wall clock that is set on',
    },
  },
  {
    breaks: 'I26',
    bug: 'an attempt is ended from outside as soon as its limit is over',
    plant: {
      file: 'packages/core/src/defaults.ts',
      find: 'overdueMs: 10_000,',
      put: 'overdueMs: 0,',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'ends an attempt whose living process lets it and twice the grace pass: a failure like others',
    },
  },
  {
    breaks: 'I26',
    bug: 'nobody ends an attempt but its own process',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'return task.cancelAt !== null || markDead ?',
      put: 'return task.cancelAt !== null ?',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'ends an attempt whose living process lets it and twice the grace pass: a failure like others',
    },
  },
  {
    breaks: 'I26',
    bug: 'a sweeper that was held up itself ends attempts for their limits',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'return task.cancelAt !== null || markDead ?',
      put: 'return task.cancelAt !== null || true ?',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is left to the process of the attempt by a sweeper that must not judge',
    },
  },
  {
    breaks: 'I26',
    bug: 'schedule-to-close begins anew with each attempt',
    plant: {
      file: 'packages/core/src/time-limits.ts',
      find: 'const closeBy = known.closeBy ??',
      put: 'const closeBy = undefined ??',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'runs on over attempts, delays and pauses',
    },
  },
  {
    breaks: 'I26',
    bug: 'what has run out of its time is tried again',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'control.signal.reason, !isTasks)',
      put: 'control.signal.reason, true)',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'aborts the attempt that runs when it is over, and the task fails for good',
    },
  },
  {
    breaks: 'I26',
    bug: 'a timer that fires early ends the attempt early',
    plant: {
      file: 'packages/executor/src/attempt-control.ts',
      find: 'if (leftMs <= 0) action();',
      put: 'if (leftMs <= 1) action();',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'is not early where the timers of the machine are',
    },
  },
  {
    breaks: 'I26',
    bug: 'an agent counts as idle while its process is stopped',
    plant: {
      file: 'packages/executor/src/idle-watch.ts',
      find: 'else if (isLate && !this.#wasLate) this.#since +=',
      put: 'else if (false) this.#since +=',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'does not count the time in which its process was stopped',
    },
  },
  {
    breaks: 'I26',
    bug: 'an agent that keeps its process busy never counts as idle',
    plant: {
      file: 'packages/executor/src/idle-watch.ts',
      find: 'else if (isLate && !this.#wasLate) this.#since +=',
      put: 'else if (isLate) this.#since +=',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'does count where the process is kept busy without an end: the agent is then the cause',
    },
  },
  {
    breaks: 'I26',
    bug: 'an agent counts as idle while it waits for the store',
    plant: {
      file: 'packages/executor/src/idle-watch.ts',
      find: 'this.#pauses++;',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/time-limits.test.ts',
      test: 'does not count what the agent waits for us: a step that is being stored',
    },
  },
  {
    breaks: 'I27',
    bug: 'on PostgreSQL a claim does not look at a workflow again when it ends',
    plant: {
      file: 'packages/persistence/postgres/src/transaction.ts',
      find: 'const { assumed } = tables;',
      put: 'const assumed: typeof tables.assumed = [];',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/side-by-side.test.ts',
      test: 'start no task of the workflow by a claim that was under way, and give its place to another',
    },
  },
  {
    breaks: 'I27',
    bug: 'on PostgreSQL a task that starts anew is not asked whether its workflow goes on',
    plant: {
      file: 'packages/persistence/postgres/src/working-set.ts',
      find: "(row.status !== 'pending' || row.held)",
      put: 'row.held',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/side-by-side.test.ts',
      test: 'start none of its tasks anew either',
    },
  },
  {
    breaks: 'I27',
    bug: 'on PostgreSQL a failure that ends a workflow waits for whoever is at one of its tasks',
    plant: {
      file: 'packages/persistence/postgres/src/load.ts',
      find: 'const held = [...loaded.lockedWorkflows];',
      put: 'const held: string[] = [];',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/side-by-side.test.ts',
      test: 'end a workflow that fails fast without waiting for those of its tasks that others are at',
    },
  },
  {
    breaks: 'I27',
    bug: 'a cancellation does not reach the attempt',
    plant: {
      file: 'packages/executor/src/lease.ts',
      find: 'if (cancelAt !== null) this.#held.get(taskId)?.cancel(cancelAt);',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/attempt.test.ts',
      test: 'is noticed by the poll where the doorbell is silent',
    },
  },
  {
    breaks: 'I27',
    bug: 'an agent that ignores its signal runs for ever',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'return task.cancelAt <= now ? cancelled(task, now) : to(task);',
      put: 'return to(task);',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is ended by any sweeper once the grace is over, not before',
    },
  },
  {
    breaks: 'I27',
    bug: 'of an isolated process its children are left',
    plant: {
      file: 'packages/executor/src/isolation/open-process.ts',
      find: "else process.kill(-child.pid, 'SIGKILL');",
      put: "else child.kill('SIGKILL');",
    },
    foundBy: {
      file: 'packages/executor/src/isolation/killing.test.ts',
      test: 'that is to %s takes the processes that it started with it',
    },
  },
  {
    breaks: 'I27',
    bug: 'the end of an isolated agent is not waited for',
    plant: {
      file: 'packages/executor/src/isolation/run-isolated.ts',
      find: 'if (!(await isEnded(compartment)))',
      put: 'compartment.kill(); if (false)',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/killing.test.ts',
      test: 'that never looks up is killed when its time and its grace are over',
    },
  },
  {
    breaks: 'I27',
    bug: 'an isolated agent does not hear that it is to stop',
    plant: {
      file: 'packages/executor/src/isolation/run-isolated.ts',
      find: "context.signal.addEventListener('abort', abort, { once: true });",
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/killing.test.ts',
      test: 'hears of the cancellation of its task in its own words, and may end by itself',
    },
  },
  {
    breaks: 'I27',
    bug: 'an isolated agent that is given up goes on',
    plant: {
      file: 'packages/executor/src/isolation/run-isolated.ts',
      find: 'control.givenUp.then(() => Promise.reject(context.signal.reason as Error)),',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/killing.test.ts',
      test: 'is killed at once when the lease is lost',
    },
  },
  {
    breaks: 'I27',
    bug: 'an isolated process does not watch its worker',
    plant: {
      file: 'packages/executor/src/isolation/process.ts',
      find: "new Worker(entry('watchdog')",
      put: "((..._given: unknown[]) => ({ unref: () => undefined }))(entry('watchdog')",
    },
    foundBy: {
      file: 'packages/executor/src/isolation/killing.test.ts',
      test: 'that is to %s ends within a moment when its worker is killed, with what it started',
    },
  },
  {
    breaks: 'I28',
    bug: 'a result that comes after the wish to cancel still counts',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'if (task.cancelAt !== null) return cancelled(task, now);',
      put: '',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'races with completion: one wins, and each caller is told which',
    },
  },
  {
    breaks: 'I28',
    bug: 'cancelling what has ended is an error instead of an answer',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: "if (command.type === 'cancel' && isTerminal(task.status)) return { task: draft.record(id) };",
      put: '',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'a task that has ended answers with it as it is',
    },
  },
  {
    breaks: 'I28',
    bug: 'of two reports of one attempt both count',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: "if (task.status !== 'running' || task.attempt !== attempt) return { status: 'stale' };\n  return draft.change(task, command)",
      put: "if (task.attempt !== attempt) return { status: 'stale' };\n  return draft.change({ ...task, status: 'running' }, command)",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'that come together have one winner, and each caller is told what became of the task',
    },
  },
  {
    breaks: 'I28',
    bug: 'who cancels is told that it was cancelled, whatever it was',
    plant: {
      file: 'packages/core/src/carry-out.ts',
      find: 'return draft.change(task, command) ?? { task: draft.record(id) };\n}\n\nfunction retryTask',
      put: "return draft.change(task, command) ?? { task: { ...draft.record(id), status: 'cancelled' } };\n}\n\nfunction retryTask",
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'that come together have one winner, and each caller is told what became of the task',
    },
  },
  {
    breaks: 'I29',
    bug: 'the error of a post-hook is swallowed',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: '() => postExecution(copy, request.agent, copy.output), hurried);',
      put: '() => postExecution(copy, request.agent, copy.output), hurried).catch(() => undefined);',
    },
    foundBy: {
      file: 'packages/executor/src/hooks.test.ts',
      test: 'that %s never touches the result and is recorded as an event',
    },
  },
  {
    breaks: 'I29',
    bug: 'the error of a pre-hook is swallowed',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: '() => preExecution(copy, request.agent), control.signal);',
      put: '() => preExecution(copy, request.agent), control.signal).catch(() => undefined);',
    },
    foundBy: { file: 'packages/executor/src/hooks.test.ts', test: 'that %s fails the attempt before the agent runs' },
  },
  {
    breaks: 'I29',
    bug: 'the hooks of the call run before those of the application',
    plant: {
      file: 'packages/executor/src/executor.ts',
      find: 'const hooks = [...this.#services.hooks, ...hooksOf(execution)];',
      put: 'const hooks = [...hooksOf(execution), ...this.#services.hooks];',
    },
    foundBy: {
      file: 'packages/executor/src/hooks.test.ts',
      test: 'run around the agent: those of the executor first, then those of the call, with what they are promised',
    },
  },
  {
    breaks: 'I29',
    bug: 'post-hooks run after every attempt',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: "if (end.outcome.state === 'ended') await runPostHooks",
      put: "if (end.outcome.state !== 'lost') await runPostHooks",
    },
    foundBy: {
      file: 'packages/executor/src/hooks.test.ts',
      test: 'before the agent run in every attempt; after it once, when the task has ended',
    },
  },
  {
    breaks: 'I29',
    bug: 'a hook may hang as long as it likes',
    plant: {
      file: 'packages/executor/src/hooks.ts',
      find: 'delay(clock, defaults.hookMs, done.signal)',
      put: 'delay(clock, 100 * defaults.hookMs, done.signal)',
    },
    foundBy: {
      file: 'packages/executor/src/hooks.test.ts',
      test: 'that %s never touches the result and is recorded as an event',
    },
  },
  {
    breaks: 'I29',
    bug: 'the error of a hook is lost where the store is away for a moment',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'const isOver = (): boolean => clock.monotonic() - startedAt > times.leaseMs;',
      put: 'const isOver = (): boolean => clock.monotonic() >= startedAt;',
    },
    foundBy: {
      file: 'packages/executor/src/hook-errors.test.ts',
      test: 'is recorded once though a commit fails %s it was carried out',
    },
  },
  {
    breaks: 'I29',
    bug: 'the error of a hook is recorded with every sending',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'if (tries === 1 || !(await isNoted(store, id, event)))',
      put: 'if (tries > 0)',
    },
    foundBy: {
      file: 'packages/executor/src/hook-errors.test.ts',
      test: 'is recorded once though a commit fails %s it was carried out',
    },
  },
  {
    breaks: 'I29',
    bug: 'the error of a pre-hook goes with the cancellation of its task',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: 'if (hookError !== undefined && !tells(',
      put: 'if (hookError !== undefined && tells(',
    },
    foundBy: {
      file: 'packages/executor/src/hook-errors.test.ts',
      test: 'is recorded though the task was cancelled meanwhile',
    },
  },
  {
    breaks: 'I30',
    bug: 'nobody notices that an isolated agent has died',
    plant: {
      file: 'packages/executor/src/isolation/run-isolated.ts',
      find: 'compartment.ended.then((how) => Promise.reject(died(agent, task, how, dialogue.uncaught))),',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/hostile.test.ts',
      test: 'by trying to %s, which is a failure like any other',
    },
  },
  {
    breaks: 'I30',
    bug: 'an isolated agent may write as much as it likes',
    plant: {
      file: 'packages/executor/src/isolation/agent-output.ts',
      find: 'this.#left -= text.length;',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/hostile.test.ts',
      test: 'by writing 100 MB, of which 10 are logged',
    },
  },
  {
    breaks: 'I30',
    bug: 'an isolated agent has the whole environment of its worker',
    plant: {
      file: 'packages/executor/src/isolation/environment.ts',
      find: "([name]) => passed.includes(name.toUpperCase()) || name.startsWith('LC_'),",
      put: '() => true,',
    },
    foundBy: {
      file: 'packages/executor/src/isolation/hostile.test.ts',
      test: 'in a %s is what every program needs, and what it was given',
    },
  },
  {
    breaks: 'I31',
    bug: 'the commit that ends an attempt brings the next to a worker that stops',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'this.#stopping || this.#free() < 0 || task.workerId === null',
      put: 'this.#free() < 0 || task.workerId === null',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'takes nothing more, lets what runs end, and leaves no worker row',
    },
  },
  {
    breaks: 'I31',
    bug: 'what a stopping worker breaks off costs a failure',
    plant: {
      file: 'packages/executor/src/attempt.ts',
      find: "if (control.cause === 'shutdown') return { type: 'release', reason: 'the worker is stopping' };",
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'aborts what takes too long with SHUTDOWN, and hands it back at no cost',
    },
  },
  {
    breaks: 'I31',
    bug: 'a second signal changes nothing',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'this.drain(++count > 1 ? { timeoutMs: 0 } : {})',
      put: 'this.drain({ ...(++count > 99 ? { timeoutMs: 0 } : {}) })',
    },
    foundBy: {
      file: 'packages/executor/src/signals.test.ts',
      test: 'a second time hands them back at once, at no cost',
    },
  },
  {
    breaks: 'I31',
    bug: 'the lease stays behind',
    plant: {
      file: 'packages/executor/src/worker.ts',
      find: 'await this.#lease.closeIfIdle();',
      put: '',
    },
    foundBy: {
      file: 'packages/executor/src/worker.test.ts',
      test: 'takes nothing more, lets what runs end, and leaves no worker row',
    },
  },
  {
    breaks: 'I32',
    bug: 'a crash is not in the log',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: 'events: [crashed, ...end.events]',
      put: 'events: end.events',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'releases the task of a dead worker: a crash, due at once, for the next attempt',
    },
  },
  {
    breaks: 'I33',
    bug: 'what was removed is not told',
    plant: {
      file: 'packages/core/src/upkeep.ts',
      find: 'tasks: tasks.length,',
      put: 'tasks: 0,',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'accounts for all: what was submitted is what is there and what was removed (I33)',
    },
  },
  {
    breaks: 'I34',
    bug: 'a disabled agent is a candidate',
    plant: {
      file: 'packages/router/src/eligibility.ts',
      find: "if (!enabled) return 'disabled';",
      put: '',
    },
    foundBy: {
      file: 'packages/router/src/task-router.test.ts',
      test: 'leaves out, and counts by reason, who is disabled, not hosted, not capable or has refused',
    },
  },
  {
    breaks: 'I34',
    bug: 'an agent that is no candidate can be chosen',
    plant: {
      file: 'packages/router/src/answer.ts',
      find: 'if (!candidates.has(agentId)) {',
      put: 'if (candidates.size < 0) {',
    },
    foundBy: {
      file: 'packages/router/src/task-router.test.ts',
      test: 'cannot choose the fallback agent, which is no candidate',
    },
  },
  {
    breaks: 'I34',
    bug: 'randomness is not seeded',
    plant: {
      file: 'packages/router/src/ask-strategy.ts',
      find: 'random: seededRandom(`${task.id}:${task.attempt}`),',
      put: 'random: seededRandom(crypto.randomUUID()),',
    },
    foundBy: {
      file: 'packages/router/src/task-router.test.ts',
      test: 'is repeatable: what is random is seeded by the task and its attempt',
    },
  },
  {
    breaks: 'I34',
    bug: 'a slow strategy is waited for',
    plant: {
      file: 'packages/router/src/ask-strategy.ts',
      find: 'return await withinLimit(work, limitMs, clock, expire);',
      put: 'return await work;',
    },
    foundBy: {
      file: 'packages/router/src/task-router.test.ts',
      test: 'is told by its signal when its time is over, and its late answer changes nothing',
    },
  },
  {
    breaks: 'I34',
    bug: 'the fallback agent is forgotten',
    plant: {
      file: 'packages/router/src/conclude.ts',
      find: 'if (fallbackId !== undefined && hindrance === undefined) {',
      put: 'if (fallbackId !== undefined && hindrance !== undefined) {',
    },
    foundBy: {
      file: 'packages/router/src/task-router.test.ts',
      test: 'takes what the strategy abstains from, and need not be capable',
    },
  },
  {
    breaks: 'I34',
    bug: 'the decision is not recorded with the claim',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: "command.decision === undefined ? [] : [{ type: 'task.routed', data: command.decision }]",
      put: '[]',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'with a claim is decision and attempt in one commit',
    },
  },
  {
    breaks: 'I34',
    bug: 'a retry is routed anew',
    plant: {
      file: 'packages/core/src/transition.ts',
      find: '{ ...due(idle(failed), dueAt), boundTo',
      put: '{ ...due(idle(failed), dueAt), agentId: null, boundTo',
    },
    foundBy: {
      file: 'packages/persistence/memory/src/memory-store.test.ts',
      test: 'is tried again when its policy says, by whoever hosts the agent',
    },
  },
  {
    breaks: 'I35',
    bug: 'the SQLite store reads no failures',
    plant: {
      file: 'packages/persistence/sqlite/src/rows.ts',
      find: 'failures: row[4] as number,',
      put: 'failures: 0,',
    },
    foundBy: {
      file: 'packages/persistence/sqlite/src/conformance.test.ts',
      test: 'have given the same answers and hold the same rows and events',
    },
  },
  {
    breaks: 'I35',
    bug: 'the PostgreSQL store gives out what is not due yet',
    plant: {
      file: 'packages/persistence/postgres/src/statements.ts',
      find: 'FROM tasks WHERE ${condition} AND ${isDueNow} ORDER BY',
      put: 'FROM tasks WHERE ${condition} ORDER BY',
    },
    foundBy: {
      file: 'packages/persistence/postgres/src/comparison.test.ts',
      test: 'have given the same answers and hold the same rows and events',
    },
  },
];
