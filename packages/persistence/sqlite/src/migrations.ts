/** One numbered change of the schema. Published ones are never edited: their text is part of every file. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** Marks a file as ours (`PRAGMA application_id`): "Symf". */
export const applicationId = 0x53796d66;

/** All migrations, in order. `PRAGMA user_version` is the number of the last one applied. */
export const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'first schema',
    sql: `
CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  due_at INTEGER,
  claim_key INTEGER,
  agent_id TEXT,
  pinned INTEGER NOT NULL,
  worker_id TEXT,
  bound_to TEXT,
  bound_until REAL,
  held INTEGER NOT NULL,
  cancel_at INTEGER,
  workflow_id TEXT,
  open_dependencies INTEGER NOT NULL,
  refused_by TEXT,
  retry TEXT,
  timeouts TEXT,
  last_seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  unroutable INTEGER NOT NULL,
  idempotency_key TEXT,
  body_hash TEXT NOT NULL,
  name TEXT NOT NULL,
  tags TEXT,
  requirements TEXT,
  description TEXT,
  input TEXT,
  metadata TEXT,
  output TEXT,
  error TEXT,
  progress TEXT,
  spilled INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tasks_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_due ON tasks (agent_id, claim_key, id, due_at)
  WHERE status = 'pending' AND due_at IS NOT NULL AND held = 0 AND bound_to IS NULL AND open_dependencies = 0;
CREATE INDEX tasks_running ON tasks (worker_id) WHERE status = 'running';
CREATE INDEX tasks_bound ON tasks (bound_to) WHERE bound_to IS NOT NULL;
CREATE INDEX tasks_cancelling ON tasks (cancel_at) WHERE status = 'running' AND cancel_at IS NOT NULL;
CREATE INDEX tasks_workflow ON tasks (workflow_id, id) WHERE workflow_id IS NOT NULL;
CREATE INDEX tasks_held ON tasks (workflow_id) WHERE held = 1;

CREATE TABLE payloads (
  task_id TEXT NOT NULL,
  part TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (task_id, part)
) STRICT;

CREATE TABLE workflows (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  metadata TEXT NOT NULL,
  idempotency_key TEXT,
  body_hash TEXT NOT NULL,
  sealed INTEGER NOT NULL,
  paused INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL,
  total INTEGER NOT NULL,
  open INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  started INTEGER NOT NULL,
  version INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  settled_at INTEGER
) STRICT;
CREATE UNIQUE INDEX workflows_key ON workflows (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflows_cancelling ON workflows (id) WHERE cancel_requested = 1 AND open > 0;

CREATE TABLE steps (
  task_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  identity TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  output TEXT NOT NULL,
  input_hash TEXT,
  at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX steps_identity ON steps (task_id, agent_id, identity);

CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL,
  seq INTEGER NOT NULL,
  workflow_id TEXT,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_subject ON events (subject, seq);

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  config TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  unhosted_since INTEGER,
  last_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  lease_until REAL NOT NULL,
  boot_id TEXT NOT NULL,
  hosts TEXT NOT NULL,
  started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;
`,
  },
  {
    number: 2,
    name: 'dependencies, failing fast, retention, time limits',
    sql: `
ALTER TABLE tasks ADD COLUMN depends_on TEXT;
ALTER TABLE tasks ADD COLUMN parent_id TEXT;
ALTER TABLE tasks ADD COLUMN time_limits TEXT;
ALTER TABLE tasks ADD COLUMN expires_at INTEGER;
ALTER TABLE workflows ADD COLUMN on_failure TEXT NOT NULL DEFAULT 'continue';
ALTER TABLE agents ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE dependencies (
  depends_on TEXT NOT NULL,
  task_id TEXT NOT NULL,
  PRIMARY KEY (depends_on, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependencies_task ON dependencies (task_id);

CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at IS NOT NULL;
DROP INDEX tasks_running;
CREATE INDEX tasks_running ON tasks (worker_id, agent_id) WHERE status = 'running';
-- Nearly empty, and read for each task that is started; the one above holds all that its worker runs.
CREATE INDEX tasks_crashed ON tasks (worker_id) WHERE status = 'running' AND crashes > 0;
DROP INDEX tasks_cancelling;
CREATE INDEX tasks_expiring ON tasks (expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX workflows_settled ON workflows (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX events_workflow ON events (workflow_id, position) WHERE workflow_id IS NOT NULL;
`,
  },
];
