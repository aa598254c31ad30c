/** One numbered change of the schema. Published ones are never edited: every database has been through them. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Statements that are carried out with the schema of the store as the only one on the search path. */
  readonly sql: string;
}

/** All migrations, in order. The table `symphony_migrations` says which have been applied. */
export const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'first schema',
    sql: `
CREATE TABLE tasks (
  id text COLLATE "C" PRIMARY KEY,
  status text NOT NULL,
  version integer NOT NULL,
  attempt integer NOT NULL,
  failures integer NOT NULL,
  crashes integer NOT NULL,
  priority integer NOT NULL,
  due_at bigint,
  claim_key bigint,
  agent_id text COLLATE "C",
  pinned boolean NOT NULL,
  worker_id text COLLATE "C",
  bound_to text COLLATE "C",
  bound_until double precision,
  held boolean NOT NULL,
  cancel_at bigint,
  workflow_id text COLLATE "C",
  open_dependencies integer NOT NULL,
  refused_by text,
  retry text,
  timeouts text,
  last_seq integer NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  finished_at bigint,
  unroutable boolean NOT NULL,
  time_limits text,
  expires_at bigint,
  idempotency_key text COLLATE "C",
  body_hash text NOT NULL,
  name text NOT NULL,
  tags text,
  requirements text,
  depends_on text,
  parent_id text COLLATE "C",
  description text,
  input text NOT NULL,
  metadata text NOT NULL,
  output text,
  error text,
  progress text
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX tasks_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_due ON tasks (agent_id, claim_key, id, due_at)
  WHERE status = 'pending' AND due_at IS NOT NULL AND NOT held AND bound_to IS NULL AND open_dependencies = 0;
CREATE INDEX tasks_running ON tasks (worker_id, id) WHERE status = 'running';
-- Nearly empty, and read by each claim; the one above is full of what has just ended.
CREATE INDEX tasks_crashed ON tasks (worker_id, id) WHERE status = 'running' AND crashes > 0;
CREATE INDEX tasks_running_agent ON tasks (agent_id) WHERE status = 'running' AND agent_id IS NOT NULL;
CREATE INDEX tasks_bound ON tasks (bound_to, id) WHERE bound_to IS NOT NULL;
CREATE INDEX tasks_expiring ON tasks (expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX tasks_workflow ON tasks (workflow_id, id) WHERE workflow_id IS NOT NULL;
CREATE INDEX tasks_held ON tasks (workflow_id) WHERE held;
CREATE INDEX tasks_finished ON tasks (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE dependencies (
  depends_on text COLLATE "C" NOT NULL,
  task_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (depends_on, task_id)
);
CREATE INDEX dependencies_task ON dependencies (task_id);

CREATE TABLE workflows (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  description text NOT NULL,
  metadata text NOT NULL,
  idempotency_key text COLLATE "C",
  body_hash text NOT NULL,
  sealed boolean NOT NULL,
  on_failure text NOT NULL,
  paused boolean NOT NULL,
  cancel_requested boolean NOT NULL,
  total integer NOT NULL,
  open integer NOT NULL,
  failed integer NOT NULL,
  cancelled integer NOT NULL,
  started integer NOT NULL,
  version integer NOT NULL,
  last_seq integer NOT NULL,
  created_at bigint NOT NULL,
  settled_at bigint
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX workflows_key ON workflows (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflows_cancelling ON workflows (id) WHERE cancel_requested AND settled_at IS NULL;
CREATE INDEX workflows_settled ON workflows (settled_at, id) WHERE settled_at IS NOT NULL;

CREATE TABLE steps (
  task_id text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  identity text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  output text NOT NULL,
  input_hash text,
  at bigint NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (task_id, agent_id, identity)
);

CREATE TABLE events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  workflow_id text COLLATE "C",
  type text NOT NULL,
  at bigint NOT NULL,
  data text NOT NULL
);
CREATE UNIQUE INDEX events_subject ON events (subject, seq);
CREATE INDEX events_workflow ON events (workflow_id, position) WHERE workflow_id IS NOT NULL;

CREATE TABLE agents (
  id text COLLATE "C" PRIMARY KEY,
  config text NOT NULL,
  enabled boolean NOT NULL,
  removed boolean NOT NULL,
  unhosted_since bigint,
  last_seq integer NOT NULL
);

CREATE TABLE workers (
  id text COLLATE "C" PRIMARY KEY,
  lease_until double precision NOT NULL,
  boot_id text NOT NULL,
  hosts text NOT NULL,
  started_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE commits (
  connection uuid PRIMARY KEY,
  number bigint NOT NULL,
  at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE state (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL,
  version integer NOT NULL
);
`,
  },
];
