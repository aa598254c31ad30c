import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Line } from './evidence.ts';
import type { Evidence } from './judge/judge.ts';
import type { Of } from './judge/trial.ts';

/** A false history: what is changed in a good one, and the rule by which the checker must find it. */
export interface Corruption {
  readonly rule: string;
  /** Which good history has what is spoiled: that of kills, which is the default, or that of drains and cancellations. */
  readonly of?: 'kills' | 'calm';
  /** In which order the judge takes transactions to have been. Default `serial`. */
  readonly order?: Evidence['order'];
  /** Changes the database, or answers with other lines. */
  readonly apply: (history: History) => readonly Line[] | undefined;
}

/** A history to spoil. */
export class History {
  readonly database: DatabaseSync;
  readonly lines: readonly Line[];

  constructor(database: DatabaseSync, lines: readonly Line[]) {
    this.database = database;
    this.lines = lines;
  }

  run(sql: string, ...values: (string | number | null)[]): undefined {
    const { changes } = this.database.prepare(sql).run(...values);
    if (changes === 0) throw new Error(`nothing was changed by ${sql}`);
  }

  /** Puts a row there a second time, with other values in some columns. */
  copy(table: 'tasks' | 'workflows', id: string, other: Readonly<Record<string, string | null>>): undefined {
    const row = this.database.prepare(`SELECT * FROM ${table} WHERE id = ?`).get(id);
    const values = Object.entries({ ...row, ...other });
    const names = values.map(([name]) => name).join(', ');
    const places = values.map(() => '?').join(', ');
    this.database
      .prepare(`INSERT INTO ${table} (${names}) VALUES (${places})`)
      .run(...values.map(([, value]) => value));
  }

  /** One value; the history must hold it, or the self-test would test nothing. */
  one<T extends SQLOutputValue>(sql: string, ...values: (string | number)[]): T {
    const row = this.database.prepare(sql).get(...values);
    if (row === undefined) throw new Error(`the history holds no ${sql}`);
    return Object.values(row)[0] as T;
  }

  /** The lines with one of them changed. */
  change<Kind extends Line['kind']>(
    kind: Kind,
    where: (line: Line & { readonly kind: Kind }) => boolean,
    other: object,
  ): readonly Line[] {
    const index = this.lines.findIndex((line) => line.kind === kind && where(line as Line & { readonly kind: Kind }));
    if (index < 0) throw new Error(`the history holds no such line: ${kind}`);
    return this.lines.with(index, { ...this.lines[index], ...other } as Line);
  }

  /** The lines with another one after them, made from one of them. */
  repeat<Kind extends Line['kind']>(
    kind: Kind,
    where: (line: Line & { readonly kind: Kind }) => boolean,
    other: object,
  ): readonly Line[] {
    const line = this.lines.find((each) => each.kind === kind && where(each as Line & { readonly kind: Kind }));
    if (line === undefined) throw new Error(`the history holds no such line: ${kind}`);
    return [...this.lines, { ...line, ...other }];
  }

  /** Makes room between the positions of events. */
  spread(): void {
    this.run('UPDATE events SET position = -position');
    this.run('UPDATE events SET position = -10 * position');
  }

  /** A task that completed at its first attempt. */
  get completed(): string {
    return this.one(
      `SELECT id FROM tasks WHERE status = 'completed' AND attempt = 1 AND workflow_id IS NULL AND idempotency_key IS NOT NULL
         AND id IN (SELECT subject FROM events WHERE type = 'task.routed') ORDER BY id`,
    );
  }

  /** A task that was taken over and then completed. */
  get takenOver(): string {
    return this.one(
      `SELECT subject FROM events JOIN tasks ON tasks.id = subject
       WHERE type = 'task.crashed' AND tasks.status = 'completed' AND tasks.workflow_id IS NULL
         AND EXISTS (SELECT 1 FROM steps WHERE task_id = tasks.id AND steps.attempt = 1) ORDER BY subject`,
    );
  }

  /** A workflow whose cancellation was answered, and the last claim of one of its tasks. */
  get cancelledWorkflow(): { readonly workflow: string; readonly claimed: number } {
    const answered = this.lines.flatMap((line) =>
      line.kind === 'workflow' && line.command === 'cancel' ? [line.workflow] : [],
    );
    const row = this.database
      .prepare(
        `SELECT workflow_id AS workflow, max(position) AS claimed FROM events AS claims
         WHERE type = 'task.claimed' AND workflow_id IN (SELECT value FROM json_each(?))
           AND EXISTS (SELECT 1 FROM events WHERE subject = claims.workflow_id AND type = 'workflow.cancel_requested')
         GROUP BY workflow_id`,
      )
      .get(JSON.stringify(answered));
    if (row === undefined) throw new Error('the history holds no cancelled workflow with a claim');
    return row as { readonly workflow: string; readonly claimed: number };
  }

  /** Attempts whose signal aborted for a cancellation that somebody asked for by the task's id. */
  get #aborted(): readonly Of<'aborted'>[] {
    const cancelled = new Set(this.#all('cancelled').map(({ task }) => task));
    return this.#all('aborted').filter(({ task, reason }) => reason === 'TASK_CANCELLED' && cancelled.has(task));
  }

  /** One of them in a process that nobody asked to end at about that time. */
  get abortedInPeace(): { readonly task: string } {
    const signals = this.#all('terminate');
    return this.#found(
      this.#aborted.find(({ by, mono }) =>
        signals.every(({ process, mono: at }) => process !== by || Math.abs(at - mono) > 5_000),
      ),
      'cancellation in peace',
    );
  }

  /** One of them whose agent went on until the task was given up. */
  get deafAttempt(): { readonly task: string } {
    const ends = this.#all('end');
    return this.#found(
      this.#aborted.find(
        ({ task, mono }) =>
          this.database.prepare(`SELECT 1 FROM tasks WHERE id = ? AND status = 'cancelled'`).get(task) !== undefined &&
          ends.every((end) => end.task !== task || end.mono > mono + 5_500),
      ),
      'agent that goes on after its cancellation',
    );
  }

  /** An attempt that a process handed back when it was asked to end. */
  get handedBack(): { readonly task: string; readonly attempt: number; readonly by: string } {
    const ends = this.#all('end');
    // One that was cancelled after it was handed back has no next claim.
    const isReleased = this.database.prepare(
      `SELECT 1 FROM events AS released JOIN events AS next USING (subject)
       WHERE subject = ? AND released.type = 'task.released' AND json_extract(released.data, '$.attempt') = ?
         AND next.type = 'task.claimed' AND json_extract(next.data, '$.attempt') = json_extract(released.data, '$.attempt') + 1`,
    );
    return this.#found(
      this.#all('aborted').find(
        ({ task, attempt, reason }) =>
          reason === 'SHUTDOWN' &&
          isReleased.get(task, attempt) !== undefined &&
          ends.some((end) => end.task === task && end.attempt === attempt && end.text === 'SymphonyError'),
      ),
      'attempt that was handed back',
    );
  }

  #all<K extends Line['kind']>(kind: K): readonly Of<K>[] {
    return this.lines.filter((line): line is Extract<Of<K>, Line> => line.kind === kind);
  }

  #found<T>(value: T | undefined, what: string): T {
    if (value === undefined) throw new Error(`the history holds no ${what}`);
    return value;
  }

  get retried(): string {
    return this.one(`SELECT subject FROM events WHERE type = 'task.retry_scheduled' ORDER BY subject`);
  }
}

/** At least one for every rule that the checker knows. */
export const corruptions: Readonly<Record<string, Corruption>> = {
  'a lost task': {
    rule: 'nothing lost',
    apply: (history) => {
      const id = history.completed;
      history.run('DELETE FROM tasks WHERE id = ?', id);
      return history.run('DELETE FROM events WHERE subject = ?', id);
    },
  },
  'a lost row': {
    rule: 'nothing invented',
    apply: (history) => history.run('DELETE FROM tasks WHERE id = ?', history.completed),
  },
  'a lost event': {
    rule: 'seq 1..n',
    apply: (history) =>
      history.run(`DELETE FROM events WHERE subject = ? AND type = 'task.claimed'`, history.completed),
  },
  'a last event that is lost': {
    rule: 'seq 1..n',
    apply: (history) =>
      history.run(`DELETE FROM events WHERE subject = ? AND type = 'task.completed'`, history.completed),
  },
  'events in another order': {
    rule: 'seq 1..n',
    apply: (history) => {
      const id = history.completed;
      history.run('UPDATE events SET seq = -1 WHERE subject = ? AND seq = 2', id);
      history.run('UPDATE events SET seq = 2 WHERE subject = ? AND seq = 1', id);
      return history.run('UPDATE events SET seq = 1 WHERE subject = ? AND seq = -1', id);
    },
  },
  'a task that completes twice': {
    rule: 'legal transitions',
    apply: (history) => {
      const id = history.completed;
      history.run(
        `INSERT INTO events (subject, seq, workflow_id, type, at, data)
         SELECT subject, seq + 1, workflow_id, type, at, data FROM events WHERE subject = ? AND type = 'task.completed'`,
        id,
      );
      return history.run('UPDATE tasks SET last_seq = last_seq + 1 WHERE id = ?', id);
    },
  },
  'an attempt number that is left out': {
    rule: 'attempts 1..n',
    apply: (history) =>
      history.run(
        `UPDATE events SET data = json_set(data, '$.attempt', 9) WHERE subject = ? AND type = 'task.claimed'`,
        history.completed,
      ),
  },
  'a stale report': {
    rule: 'no stale write',
    apply: (history) =>
      history.run(
        `UPDATE events SET data = json_set(data, '$.attempt', 1) WHERE subject = ? AND type = 'task.completed'`,
        history.takenOver,
      ),
  },
  'a report of an attempt that never returned': {
    rule: 'no stale write',
    apply: (history) => {
      const id = history.takenOver;
      return history.lines.filter((line) => line.kind !== 'end' || line.task !== id);
    },
  },
  'a step of an attempt that was over': {
    rule: 'no stale write',
    apply: (history) =>
      history.run('UPDATE steps SET at = at + 600000 WHERE task_id = ? AND attempt = 1', history.takenOver),
  },
  'another status in the row': {
    rule: 'fold equals row',
    apply: (history) =>
      history.run(
        `UPDATE tasks SET status = 'failed', error = '{"code":"X"}', output = NULL WHERE id = ?`,
        history.completed,
      ),
  },
  'a failure that is counted twice': {
    rule: 'fold equals row',
    apply: (history) => history.run('UPDATE tasks SET failures = failures + 1 WHERE id = ?', history.retried),
  },
  'a crash that is not counted': {
    rule: 'fold equals row',
    apply: (history) =>
      history.run(
        `UPDATE events SET data = json_set(data, '$.crashes', 0) WHERE type = 'task.crashed' AND subject = ?`,
        history.takenOver,
      ),
  },
  'an output that is missing': {
    rule: 'one result',
    apply: (history) => history.run('UPDATE tasks SET output = NULL WHERE id = ?', history.completed),
  },
  'an output that nobody returned': {
    rule: 'one result',
    apply: (history) => history.run(`UPDATE tasks SET output = '{}' WHERE id = ?`, history.completed),
  },
  'an error beside an output': {
    rule: 'one result',
    apply: (history) => history.run(`UPDATE tasks SET error = '{"code":"X"}' WHERE id = ?`, history.completed),
  },
  'a holder of what is over': {
    rule: 'one holder',
    apply: (history) => history.run(`UPDATE tasks SET worker_id = 'wrk_x' WHERE id = ?`, history.completed),
  },
  'two ids for one key': {
    rule: 'one id per key',
    apply: (history) =>
      history.repeat('ack', ({ what, id }) => what === 'task' && id !== history.completed, { id: history.completed }),
  },
  'a task that is there twice': {
    rule: 'one id per key',
    apply: (history) => history.copy('tasks', history.completed, { id: 'tsk_twice', idempotency_key: null }),
  },
  'a workflow that is there twice': {
    rule: 'one id per key',
    apply: (history) => {
      const id = history.one<string>('SELECT id FROM workflows WHERE idempotency_key IS NOT NULL');
      return history.copy('workflows', id, { id: 'wfl_twice', idempotency_key: null });
    },
  },
  'another body under a known key': {
    rule: 'one id per key',
    apply: (history) => history.change('conflict', () => true, { answer: 'none' }),
  },
  'a task that nobody asked for': {
    rule: 'nothing invented',
    apply: (history) => history.run(`UPDATE tasks SET name = 'surprise' WHERE id = ?`, history.completed),
  },
  'half of a workflow': {
    rule: 'whole or not at all',
    apply: (history) => {
      const sealed = history.one<string>('SELECT id FROM workflows WHERE sealed = 1');
      return history.run('DELETE FROM tasks WHERE id = (SELECT max(id) FROM tasks WHERE workflow_id = ?)', sealed);
    },
  },
  'a counter that is off by one': {
    rule: 'counters',
    apply: (history) =>
      history.run(
        'UPDATE workflows SET started = started - 1 WHERE id = (SELECT min(id) FROM workflows WHERE started > 0)',
      ),
  },
  'a status that is no function of the tasks': {
    rule: 'status is a function',
    apply: (history) =>
      history.run(
        `UPDATE events SET data = '{"status":"failed"}' WHERE type = 'workflow.settled' AND data LIKE '%completed%'`,
      ),
  },
  'a workflow that is open and settled': {
    rule: 'settled',
    apply: (history) =>
      history.run(
        'UPDATE workflows SET settled_at = NULL WHERE id = (SELECT min(id) FROM workflows WHERE settled_at > 0)',
      ),
  },
  'a claim while paused': {
    rule: 'paused holds',
    apply: (history) => {
      const workflow = history.one<string>(
        `SELECT subject FROM events AS pauses WHERE type = 'workflow.paused'
           AND EXISTS (SELECT 1 FROM events WHERE workflow_id = pauses.subject AND type = 'task.claimed')
         GROUP BY subject HAVING count(*) = 1`,
      );
      const claimed = history.one<number>(
        `SELECT max(position) FROM events WHERE workflow_id = ? AND type = 'task.claimed'`,
        workflow,
      );
      history.spread();
      history.run(
        `UPDATE events SET position = ? WHERE subject = ? AND type = 'workflow.resumed'`,
        10 * claimed + 5,
        workflow,
      );
      return history.run(
        `UPDATE events SET position = ? WHERE subject = ? AND type = 'workflow.paused'`,
        10 * claimed - 5,
        workflow,
      );
    },
  },
  'a task that starts after its workflow was cancelled': {
    rule: 'a cancelled workflow starts nothing',
    of: 'calm',
    apply: (history) => {
      const { workflow, claimed } = history.cancelledWorkflow;
      history.spread();
      return history.run(
        `UPDATE events SET position = ? WHERE subject = ? AND type = 'workflow.cancel_requested'`,
        10 * claimed - 5,
        workflow,
      );
    },
  },
  'a task that starts long after the cancel of its workflow was answered': {
    rule: 'a cancelled workflow starts nothing',
    of: 'calm',
    order: 'beside',
    apply: (history) => {
      const { workflow } = history.cancelledWorkflow;
      return history.run(
        `UPDATE events SET at = at + 600000 WHERE workflow_id = ? AND type = 'task.claimed'`,
        workflow,
      );
    },
  },
  'a claim for somebody else': {
    rule: 'assignment',
    apply: (history) =>
      history.run(
        `UPDATE events SET data = json_set(data, '$.agentId', 'nobody') WHERE subject = ? AND type = 'task.claimed'`,
        history.completed,
      ),
  },
  'a step that is recorded twice': {
    rule: 'a step is recorded once',
    apply: (history) => {
      history.database.exec('DROP INDEX steps_identity');
      return history.run('INSERT INTO steps SELECT * FROM steps WHERE task_id = ?', history.completed);
    },
  },
  'a step that ran again': {
    rule: 'a recorded step never runs again',
    apply: (history) =>
      history.repeat('effect', ({ task, attempt }) => task === history.takenOver && attempt === 1, { attempt: 2 }),
  },
  'a step that ran twice in one attempt': {
    rule: 'a recorded step happened',
    apply: (history) => history.repeat('effect', ({ task }) => task === history.completed, {}),
  },
  'a recorded step that never happened': {
    rule: 'a recorded step happened',
    apply: (history) => {
      const id = history.completed;
      return history.lines.filter((line) => line.kind !== 'effect' || line.task !== id);
    },
  },
  'a step that was acknowledged and is gone': {
    rule: 'an acknowledged step is recorded',
    apply: (history) => history.run('DELETE FROM steps WHERE task_id = ?', history.completed),
  },
  'a replay of something else': {
    rule: 'a replay tells what was recorded',
    apply: (history) => history.change('replayed', () => true, { value: 'something else' }),
  },
  'an attempt that two processes ran': {
    rule: 'an attempt runs once',
    apply: (history) => history.repeat('begin', ({ task }) => task === history.completed, { by: 'worker-9-99999' }),
  },
  'an attempt that nobody claimed': {
    rule: 'an attempt is claimed',
    apply: (history) => history.repeat('begin', ({ task }) => task === history.completed, { attempt: 99 }),
  },
  'a run after completion': {
    rule: 'completed is over',
    apply: (history) => history.repeat('begin', ({ task }) => task === history.completed, { attempt: 99 }),
  },
  'two attempts at once': {
    rule: 'no two attempts at once',
    apply: (history) => {
      const failedFirst = history.database.prepare(
        `SELECT 1 FROM events WHERE subject = ? AND type = 'task.retry_scheduled' AND json_extract(data, '$.attempt') = 1`,
      );
      const isSecond = ({ task, attempt }: { readonly task: string; readonly attempt: number }): boolean =>
        attempt === 2 && failedFirst.get(task) !== undefined;
      return history.change('begin', isSecond, { mono: 0 });
    },
  },
  'a retry before its time': {
    rule: 'due times',
    apply: (history) => {
      const id = history.one<string>(
        `SELECT subject FROM events WHERE type = 'task.retry_scheduled' AND json_extract(data, '$.dueAt') - at > 10`,
      );
      return history.run(`UPDATE events SET at = at - 600000 WHERE subject = ? AND type = 'task.claimed'`, id);
    },
  },
  'a takeover while the lease ran': {
    rule: 'no takeover before the lease is over',
    apply: (history) => {
      const worker = history.one<string>(
        `SELECT json_extract(data, '$.workerId') FROM events WHERE type = 'task.crashed'`,
      );
      return history.change('lease', (line) => line.worker === worker, { until: Number.MAX_SAFE_INTEGER });
    },
  },
  'a cancel that was acknowledged and did not hold': {
    rule: 'an acknowledged cancel holds',
    apply: (history) => history.change('cancelled', () => true, { task: history.completed, status: 'running' }),
  },
  'a cancel that an attempt overrules': {
    rule: 'cancel wins',
    apply: (history) => {
      const id = history.completed;
      history.spread();
      history.run(`UPDATE events SET seq = seq + 1 WHERE subject = ? AND type = 'task.completed'`, id);
      history.run('UPDATE tasks SET last_seq = last_seq + 1, cancel_at = 1 WHERE id = ?', id);
      return history.run(
        `INSERT INTO events (position, subject, seq, workflow_id, type, at, data)
         SELECT position - 1, subject, seq - 1, workflow_id, 'task.cancel_requested', at, '{"attempt":1,"cancelAt":1}'
         FROM events WHERE subject = ? AND type = 'task.completed'`,
        id,
      );
    },
  },
  'an end that was read and changed': {
    rule: 'an end that was read stays',
    apply: (history) => history.change('seen', ({ status }) => status === 'completed', { status: 'failed' }),
  },
  'another end than was intended': {
    rule: 'outcome',
    apply: (history) => {
      const name = history.one<string>('SELECT name FROM tasks WHERE id = ?', history.completed);
      return history.lines.map((line) =>
        line.kind === 'intent' && line.key === name ? { ...line, expect: { status: 'failed' } } : line,
      );
    },
  },
  'a pause that left no trace': {
    rule: 'nothing lost',
    apply: (history) => history.run(`DELETE FROM events WHERE type = 'workflow.paused'`),
  },
  'a task that still runs': {
    rule: 'quiet',
    apply: (history) =>
      history.run(`UPDATE tasks SET status = 'running', worker_id = 'wrk_x' WHERE id = ?`, history.completed),
  },
  'a task that is due and left': {
    rule: 'quiet',
    apply: (history) => history.run(`UPDATE tasks SET status = 'pending', due_at = 1 WHERE id = ?`, history.completed),
  },
  'a task that will never be due': {
    rule: 'quiet',
    apply: (history) => history.run(`UPDATE tasks SET status = 'pending' WHERE id = ?`, history.completed),
  },
  'a binding that nobody clears': {
    rule: 'quiet',
    apply: (history) => history.run(`UPDATE tasks SET bound_to = 'wrk_x' WHERE id = ?`, history.completed),
  },
  'a row of a dead worker': {
    rule: 'quiet',
    apply: (history) => history.run(`INSERT INTO workers VALUES ('wrk_x', 1, 'boot', '[]', 1)`),
  },
  'a process that ended by itself': {
    rule: 'no process ends by itself',
    apply: (history) => history.change('exit', () => true, { process: 'worker-9-99999', code: 1, signal: null }),
  },
  'a line of a dead process': {
    rule: 'evidence',
    apply: (history) => {
      const [kill] = history.lines.filter((line) => line.kind === 'kill');
      return history.change('begin', () => true, {
        by: kill?.kind === 'kill' ? kill.process : '',
        mono: Number.MAX_SAFE_INTEGER,
      });
    },
  },
  'an error that nobody expected': {
    rule: 'no unexpected error',
    apply: (history) =>
      history.repeat('seen', () => true, {
        kind: 'error',
        during: 'submit',
        code: 'STORE_FAILED',
        message: 'disk on fire',
      }),
  },
  'a takeover that takes long': {
    rule: 'a takeover is quick',
    apply: (history) =>
      history.run(
        `UPDATE events SET at = at + 600000 WHERE type = 'task.claimed' AND json_extract(data, '$.attempt') > 1`,
      ),
  },
  'an abort that comes too late': {
    rule: 'a cancel reaches its attempt',
    of: 'calm',
    apply: (history) => {
      const { task } = history.abortedInPeace;
      return history.lines.map((line) =>
        (line.kind === 'aborted' || line.kind === 'end') && line.task === task
          ? { ...line, mono: line.mono + 600_000 }
          : line,
      );
    },
  },
  'an abort that never comes': {
    rule: 'a cancel reaches its attempt',
    of: 'calm',
    apply: (history) => {
      const { task } = history.abortedInPeace;
      return history.lines.filter((line) => (line.kind !== 'aborted' && line.kind !== 'end') || line.task !== task);
    },
  },
  'a cancelled task that goes on behind its grace': {
    rule: 'a cancelled task ends',
    of: 'calm',
    apply: (history) =>
      history.run(
        `UPDATE events SET at = at + 600000 WHERE subject = ? AND type = 'task.cancelled'`,
        history.deafAttempt.task,
      ),
  },
  'a drain that counts as a crash': {
    rule: 'a drain costs nothing',
    of: 'calm',
    apply: (history) => {
      const { task, attempt } = history.handedBack;
      return history.run(
        `UPDATE events SET type = 'task.crashed', at = at + 600000
         WHERE subject = ? AND type = 'task.released' AND json_extract(data, '$.attempt') = ?`,
        task,
        attempt,
      );
    },
  },
  'a drain that counts as a failure': {
    rule: 'a drain costs nothing',
    of: 'calm',
    apply: (history) => {
      const { task, attempt } = history.handedBack;
      return history.run(
        `UPDATE events SET type = 'task.retry_scheduled'
         WHERE subject = ? AND type = 'task.released' AND json_extract(data, '$.attempt') = ?`,
        task,
        attempt,
      );
    },
  },
  'a lease that a drain leaves behind': {
    rule: 'a drain leaves no lease',
    of: 'calm',
    apply: (history) => {
      const { task, attempt, by } = history.handedBack;
      const worker = history.one<string>(
        `SELECT json_extract(data, '$.workerId') FROM events
         WHERE subject = ? AND type = 'task.claimed' AND json_extract(data, '$.attempt') = ?`,
        task,
        attempt,
      );
      return history.change('present', ({ process }) => process === by, { workers: [worker] });
    },
  },
  'a hand-back that waits': {
    rule: 'a hand-back is quick',
    of: 'calm',
    apply: (history) => {
      const { task, attempt } = history.handedBack;
      return history.run(
        `UPDATE events SET at = at + 600000
         WHERE subject = ? AND type = 'task.claimed' AND json_extract(data, '$.attempt') = ?`,
        task,
        attempt + 1,
      );
    },
  },
};
