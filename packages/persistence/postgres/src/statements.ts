import { namesOf, insertAll, take, updateAll } from './bulk.ts';
import {
  agentColumns,
  counterColumns,
  eventColumns,
  givenColumns,
  hotColumns,
  idColumn,
  resultColumns,
  stepColumns,
  workerColumns,
  workflowColumns,
  type Column,
} from './columns.ts';
import { dueCondition } from './due-tasks.ts';
import { statement } from './trip.ts';

/** The small part of a task, as `toTaskRow` reads it. */
export const taskList = namesOf([idColumn, ...hotColumns]);

/** A whole task, as `toTaskRecord` reads it. */
export const recordList = namesOf([idColumn, ...hotColumns, ...givenColumns, ...resultColumns]);

/** A workflow, as `toWorkflowRow` reads it. */
export const workflowList = namesOf([idColumn, ...workflowColumns]);

/** An event, as `toEventRow` reads it. */
export const eventList = `position, ${namesOf(eventColumns)}`;

/** A step, as `toStepRow` reads it. */
export const stepList = namesOf(stepColumns);

/** An agent, as `toAgentRow` reads it. */
export const agentList = namesOf(agentColumns);

/** A worker, as `toWorkerRow` reads it. */
export const workerList = namesOf(workerColumns);

/** The wall time of the server in milliseconds, with fractions. */
export const clockMs = `extract(epoch FROM clock_timestamp())::double precision * 1000`;

// Rows are locked one by one in the order of their ids, whatever the planner thinks of it: each by its primary key, in a
// nested loop over the sorted ids. Two transactions that want the same rows then never wait for each other in a circle.
const locked = (
  ids: string,
  columns: string,
  { from = 'tasks', strength = 'UPDATE' }: { readonly from?: string; readonly strength?: string } = {},
): string =>
  `SELECT found.* FROM (${ids} ORDER BY 1) AS wanted(id)
   CROSS JOIN LATERAL (SELECT ${columns} FROM ${from} AS stored WHERE stored.id = wanted.id FOR ${strength}) AS found`;

const found = (ids: string, columns: string, from: string): string =>
  `SELECT found.* FROM (${ids}) AS wanted(id)
   CROSS JOIN LATERAL (SELECT ${columns} FROM ${from} AS stored WHERE stored.id = wanted.id) AS found`;

const givenIds = 'SELECT unnest($1::text[]) COLLATE "C"';

/** Whole tasks by id, locked. */
export const lockRecords = statement(locked(givenIds, recordList));

/** Whole tasks by id or by key, locked. */
export const lockKeyedRecords = statement(
  locked(`${givenIds} UNION SELECT id FROM tasks WHERE idempotency_key = ANY ($2::text[])`, recordList),
);

/** The small parts of tasks by id, locked. */
export const lockRows = statement(locked(givenIds, taskList));

const below = `WITH RECURSIVE below(id) AS (
  SELECT task_id FROM dependencies WHERE depends_on = ANY ($1::text[])
  UNION
  SELECT task_id FROM below JOIN dependencies ON depends_on = below.id)`;

/** The tasks that depend on the given ones directly, locked. */
export const lockDependants = statement(
  locked('SELECT DISTINCT task_id FROM dependencies WHERE depends_on = ANY ($1::text[])', taskList),
);

/** Which task depends on which of the given ones. Asked after they are locked: later ones have to wait for that lock. */
export const readDependants = statement(
  'SELECT depends_on, task_id FROM dependencies WHERE depends_on = ANY ($1::text[])',
);

const belowIn = (condition: string): string =>
  `SELECT below.id FROM below CROSS JOIN LATERAL (
     SELECT workflow_id FROM tasks WHERE tasks.id = below.id OFFSET 0) AS task WHERE ${condition}`;

/** Everything downwards of the given tasks, locked; but for the tasks of some workflows. */
export const lockDescendants = statement(
  `${below} ${locked(belowIn('(workflow_id = ANY ($2::text[])) IS NOT TRUE'), taskList)}`,
);

/** What is downwards of the given tasks in those workflows, as it is. */
export const readDescendantsWithin = statement(
  `${below} ${found(belowIn('workflow_id = ANY ($2::text[])'), taskList, 'tasks')}`,
);

/** Which task depends on which, downwards of the given ones. */
export const readDescendants = statement(
  `${below} SELECT depends_on, task_id FROM dependencies WHERE depends_on = ANY ($1::text[])
   UNION SELECT depends_on, task_id FROM below JOIN dependencies ON depends_on = below.id`,
);

const now = `coalesce($2::bigint, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)`;
const isDueNow = `${dueCondition} AND due_at <= ${now}`;
// By agent too: for those without one, the planner would otherwise sort all that are due.
const firstDue = (condition: string, limit: string): string =>
  `(SELECT id, claim_key FROM tasks WHERE ${condition} AND ${isDueNow} ORDER BY agent_id, claim_key, id LIMIT ${limit})`;

const firstDueOfAll = (condition: string, limit: string): string =>
  `SELECT first.* FROM unnest($1::text[]) AS hosted(agent_id)
   CROSS JOIN LATERAL ${firstDue(`tasks.agent_id = hosted.agent_id AND ${condition}`, limit)} AS first
   UNION ALL ${firstDue(`agent_id IS NULL AND ${condition}`, limit)}`;

// Looked for without locks, and only then locked: SKIP LOCKED under an ORDER BY locks more than it returns. What others
// hold is passed by, so there are more candidates than places. A row is looked at again once it is locked. Workflows are not
// locked: those who pause or cancel one would wait for a gap between all the claims. They are looked at again at the end.
// OFFSET makes sure that a task is found by its primary key: its condition would let the planner visit the whole index of due
// tasks instead, once for each.
const claimable = (candidates: string): string =>
  `WITH candidates AS MATERIALIZED (${candidates}),
   locked AS MATERIALIZED (
     SELECT task.* FROM candidates
     CROSS JOIN LATERAL (
       SELECT ${recordList} FROM tasks WHERE tasks.id = candidates.id OFFSET 0 FOR UPDATE SKIP LOCKED) AS task
     WHERE ${dueCondition} LIMIT $3)
   SELECT locked.*, ${namesOf([idColumn, ...workflowColumns].map(({ name }) => ({ name: `workflow.${name}` })))},
     extract(epoch FROM clock_timestamp() - statement_timestamp())::double precision * 1000
   FROM locked LEFT JOIN workflows AS workflow ON workflow.id = locked.workflow_id`;

/**
 * The first due tasks of several assignments and of those without, together, from a place on, and of some that come before
 * it; with their workflows, as they are.
 */
export const lockDue = statement(
  claimable(`SELECT id FROM (
       ${firstDueOfAll('(claim_key, id) >= ($5::bigint, $6::text)', '$4')}
       UNION ALL
       SELECT early.id, claim_key FROM unnest($7::text[]) AS given(id)
       CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = given.id OFFSET 0) AS early
       WHERE (agent_id = ANY ($1) OR agent_id IS NULL) AND ${isDueNow}
     ) AS merged ORDER BY claim_key, id LIMIT $4`),
);

/** The places of the first due tasks of the same assignments before a place, as they are. */
export const readEarly = statement(
  `SELECT id, claim_key FROM (
     ${firstDueOfAll('(claim_key, id) < ($4::bigint, $5::text)', '$3')}
   ) AS merged ORDER BY claim_key, id LIMIT $3`,
);

/** The first due tasks of one assignment. */
export const lockDueOf = statement(claimable(`SELECT id FROM ${firstDue('agent_id = $1::text', '$4')} AS first`));

/** The first due tasks without an assignment. */
export const lockDueUnassigned = statement(
  claimable(`SELECT id FROM ${firstDue('agent_id IS NULL AND $1::text IS NULL', '$4')} AS first`),
);

const theirWorkflows = `${givenIds} UNION SELECT workflow_id FROM tasks WHERE id = ANY ($2::text[]) AND workflow_id IS NOT NULL`;

/** Workflows by id, and those of tasks, as they are. */
export const readWorkflows = statement(found(theirWorkflows, workflowList, 'workflows'));

/** Workflows by key, as they are. */
export const readKeyedWorkflows = statement(
  `SELECT ${workflowList} FROM workflows WHERE idempotency_key = ANY ($1::text[])`,
);

/** Workflows that are paused, resumed or cancelled, and those of tasks; nobody counts in them meanwhile. */
export const lockWorkflows = statement(
  locked(theirWorkflows, workflowList, { from: 'workflows', strength: 'NO KEY UPDATE' }),
);

export const readSteps = statement(
  `SELECT task_id, agent_id, identity FROM steps
   JOIN unnest($1::text[], $2::text[], $3::text[]) AS wanted(task_id, agent_id, identity)
   USING (task_id, agent_id, identity)`,
);

export const readAgents = statement(`SELECT ${agentList} FROM agents WHERE id = ANY ($1::text[])`);
export const readAllAgents = `SELECT ${agentList} FROM agents ORDER BY id`;

/** Agents that will be written, or whose places are counted. */
export const lockAgents = statement(locked(givenIds, agentList, { from: 'agents' }));

export const countRunning = statement(
  `SELECT wanted.id, (SELECT count(*) FROM tasks WHERE status = 'running' AND agent_id = wanted.id)
   FROM unnest($1::text[]) AS wanted(id)`,
);

/** Workers, kept from being deleted: no claim may come about for one that is dead. */
export const keepWorkers = statement(locked(givenIds, workerList, { from: 'workers', strength: 'KEY SHARE' }));

/** Workers that are renewed: claims go on meanwhile, deletions do not. */
export const renewWorkers = statement(locked(givenIds, workerList, { from: 'workers', strength: 'NO KEY UPDATE' }));

/** Workers that are deleted. */
export const lockWorkers = statement(locked(givenIds, workerList, { from: 'workers' }));

export const readWorkers = statement(`SELECT ${workerList} FROM workers WHERE id = ANY ($1::text[])`);
export const readAllWorkers = `SELECT ${workerList} FROM workers ORDER BY id`;

/** Waits until nobody else takes a worker away. Nobody who claims or renews has to wait for that. */
export const lockRoster = statement('SELECT pg_advisory_xact_lock($1::bigint)');

export const insertTasks = insertAll(
  'tasks',
  [idColumn, ...hotColumns, ...givenColumns, ...resultColumns],
  'idempotency_key, id',
);

export const updateTasks = updateAll('tasks', [idColumn, ...hotColumns], hotColumns.map(take));

const setMarks: readonly Column<never>[] = resultColumns.map(({ name }) => ({
  name: `sets_${name}`,
  type: 'boolean',
  value: () => true,
}));

/** As `updateTasks`, and sets those parts of the body whose mark says so. */
export const updateTasksAndBodies = updateAll(
  'tasks',
  [idColumn, ...hotColumns, ...resultColumns, ...setMarks],
  [
    ...hotColumns.map(take),
    ...resultColumns.map(
      ({ name }) => `${name} = CASE WHEN given.sets_${name} THEN given.${name} ELSE stored.${name} END`,
    ),
  ],
);

export const insertDependencies = statement(
  `INSERT INTO dependencies (depends_on, task_id) SELECT * FROM unnest($1::text[], $2::text[]) ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
);

export const insertSteps = insertAll('steps', stepColumns);

export const insertWorkflows = insertAll('workflows', [idColumn, ...workflowColumns], 'idempotency_key, id');

/** Everything of a workflow but its counters, which others may have added to. */
export const updateWorkflows = updateAll(
  'workflows',
  [idColumn, ...workflowColumns],
  workflowColumns.filter(({ name }) => !(counterColumns as readonly string[]).includes(name)).map(take),
);

/**
 * The rows of counters, locked in the order of their ids; UPDATE … FROM visits them in any order. It answers with what those
 * who pause or cancel have left there.
 */
export const lockCounters = statement(
  locked(givenIds, 'id, paused, cancel_requested', { from: 'workflows', strength: 'NO KEY UPDATE' }),
);

/** Adds to counters and answers with the rows that come of it. */
export const addCounters = statement(
  `UPDATE workflows AS stored SET ${counterColumns.map((name) => `${name} = stored.${name} + given.${name}`).join(', ')}
   FROM unnest($1::text[], ${counterColumns.map((_, index) => `$${index + 2}::integer[]`).join(', ')})
     AS given(id, ${counterColumns.join(', ')})
   WHERE stored.id = given.id
   RETURNING ${[idColumn, ...workflowColumns].map(({ name }) => `stored.${name}`).join(', ')}`,
);

/** What follows from counters. */
export const settleWorkflows = statement(
  `UPDATE workflows AS stored SET version = given.version, last_seq = given.last_seq, settled_at = given.settled_at
   FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[]) AS given(id, version, last_seq, settled_at)
   WHERE stored.id = given.id`,
);

/** Positions are given in the order of the rows. */
export const insertEvents = insertAll('events', eventColumns);

export const putAgents = statement(
  `${insertAll('agents', agentColumns, 'id').text}
   ON CONFLICT (id) DO UPDATE SET ${replaced(agentColumns)}`,
);

export const putWorkers = statement(
  `${insertAll('workers', workerColumns, 'id').text}
   ON CONFLICT (id) DO UPDATE SET ${replaced(workerColumns)}`,
);

export const deleteWorkers = statement('DELETE FROM workers WHERE id = ANY ($1::text[])');

/** What a task leaves behind is removed with it. */
export const deleteTasks = [
  'DELETE FROM tasks WHERE id = ANY ($1::text[])',
  'DELETE FROM steps WHERE task_id = ANY ($1::text[])',
  'DELETE FROM events WHERE subject = ANY ($1::text[])',
  'DELETE FROM dependencies WHERE task_id = ANY ($1::text[])',
].map(statement);

export const deleteWorkflows = [
  'DELETE FROM workflows WHERE id = ANY ($1::text[])',
  'DELETE FROM events WHERE subject = ANY ($1::text[])',
].map(statement);

function replaced(columns: readonly Pick<Column<never>, 'name'>[]): string {
  return columns
    .filter(({ name }) => name !== 'id')
    .map(({ name }) => `${name} = excluded.${name}`)
    .join(', ');
}
