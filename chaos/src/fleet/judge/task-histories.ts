import { ended, ofAttempt, taskEvents } from './life.ts';
import type { EventRow, TaskRow } from './rows.ts';
import { gapless } from './gapless.ts';
import { slackMs, type Trial } from './trial.ts';

/** Every log of a task is a legal history, and its fold is the row. */
export function taskHistories(trial: Trial): void {
  for (const task of trial.tasks.values()) taskHistory(trial, task);
}

function taskHistory(trial: Trial, row: TaskRow): void {
  const events = trial.eventsOf(row.id);
  gapless(trial, row.id, row.lastSeq, events);
  const folded = {
    status: 'none',
    attempt: 0,
    failures: 0,
    crashes: 0,
    agent: null as string | null,
    workflow: null as string | null,
    cancelling: false,
    dueAt: null as number | null,
  };
  for (const event of events) {
    const rule = taskEvents[event.type];
    const where = `${event.type}, seq ${event.seq}`;
    if (rule === undefined || !rule.from.includes(folded.status))
      trial.accuse('legal transitions', row.id, `${where} while ${folded.status}`);
    const { data } = event;
    if (ofAttempt.has(event.type) && data['attempt'] !== folded.attempt) {
      trial.accuse(
        'no stale write',
        row.id,
        `${where} is of attempt ${String(data['attempt'])}, the current one is ${folded.attempt}`,
      );
    }
    switch (event.type) {
      case 'task.created':
        folded.agent = (data['agentId'] as string | undefined) ?? null;
        folded.workflow = event.workflow;
        folded.dueAt = (data['dueAt'] as number | undefined) ?? null;
        break;
      case 'task.submitted':
      case 'task.retried':
        folded.dueAt = data['dueAt'] as number;
        if (event.type === 'task.retried') Object.assign(folded, { failures: 0, crashes: 0, cancelling: false });
        break;
      case 'task.added_to_workflow':
        folded.workflow = data['workflowId'] as string;
        break;
      case 'task.routed':
        folded.agent = data['agentId'] as string;
        break;
      case 'task.unassigned':
        folded.agent = null;
        break;
      case 'task.claimed':
        if (data['attempt'] !== folded.attempt + 1)
          trial.accuse(
            'attempts 1..n',
            row.id,
            `${where} starts attempt ${String(data['attempt'])} after ${folded.attempt}`,
          );
        if (folded.agent !== null && folded.agent !== data['agentId'] && events[0]?.data['dueAt'] !== undefined) {
          trial.accuse(
            'assignment',
            row.id,
            `${where} is for ${String(data['agentId'])}, the task is assigned to ${folded.agent}`,
          );
        }
        if (folded.dueAt !== null && folded.failures > 0 && event.at < folded.dueAt - slackMs) {
          trial.accuse('due times', row.id, `${where} came ${folded.dueAt - event.at} ms before its retry was due`);
        }
        folded.attempt = data['attempt'] as number;
        folded.agent = data['agentId'] as string;
        folded.dueAt = null;
        break;
      case 'task.retry_scheduled':
        if (data['failures'] !== folded.failures + 1)
          trial.accuse(
            'fold equals row',
            row.id,
            `${where} counts ${String(data['failures'])} failures after ${folded.failures}`,
          );
        folded.failures = data['failures'] as number;
        folded.dueAt = data['dueAt'] as number;
        break;
      case 'task.refused':
        if (data['agentId'] !== folded.agent)
          trial.accuse(
            'legal transitions',
            row.id,
            `${where} by ${String(data['agentId'])}, the agent is ${String(folded.agent)}`,
          );
        if (!isPinned(events)) folded.agent = null;
        break;
      case 'task.crashed':
        if (data['crashes'] !== folded.crashes + (data['charged'] === true ? 1 : 0))
          trial.accuse(
            'fold equals row',
            row.id,
            `${where} counts ${String(data['crashes'])} crashes after ${folded.crashes}`,
          );
        folded.crashes = data['crashes'] as number;
        break;
      case 'task.recovered':
        folded.crashes = 0;
        break;
      case 'task.failed':
        // An attempt that failed costs a failure; refusal and poison are no failures.
        if (folded.status === 'running') folded.failures++;
        break;
      case 'task.cancel_requested':
        if (folded.cancelling) trial.accuse('legal transitions', row.id, `${where} a second time`);
        folded.cancelling = true;
        break;
    }
    if (
      folded.cancelling &&
      rule?.to !== undefined &&
      !['cancelled', 'running'].includes(rule.to) &&
      event.type !== 'task.crashed'
    ) {
      trial.accuse('cancel wins', row.id, `${where} after its cancellation was asked for`);
    }
    folded.status = rule?.to ?? folded.status;
  }
  const told = [folded.status, folded.attempt, folded.failures, folded.crashes, folded.agent, folded.workflow].join(
    ' · ',
  );
  const stored = [row.status, row.attempt, row.failures, row.crashes, row.agent, row.workflow].join(' · ');
  if (told !== stored) trial.accuse('fold equals row', row.id, `the log tells ${told}; the row holds ${stored}`);
  if (folded.cancelling !== (row.cancelAt !== null))
    trial.accuse('fold equals row', row.id, `cancelAt is ${String(row.cancelAt)}, against the log`);
  oneResult(trial, row);
}

function oneResult(trial: Trial, { id, status, output, error, finishedAt, worker, dueAt }: TaskRow): void {
  if ((status === 'completed') !== (output !== null))
    trial.accuse('one result', id, `is ${status}, and its output is ${String(output)}`);
  if (status === 'failed' && error === null) trial.accuse('one result', id, 'failed without an error');
  if (status === 'completed' && error !== null) trial.accuse('one result', id, 'completed with an error');
  if (ended.has(status) !== (finishedAt !== null))
    trial.accuse('one result', id, `is ${status}, and finishedAt is ${String(finishedAt)}`);
  if ((status === 'running') !== (worker !== null))
    trial.accuse('one holder', id, `is ${status}, and its worker is ${String(worker)}`);
  if (status !== 'pending' && dueAt !== null) trial.accuse('one holder', id, `is ${status}, and due`);
}

/** A task that was created for an agent, or claimed by id for one, keeps it. */
function isPinned(events: readonly EventRow[]): boolean {
  return events[0]?.data['agentId'] !== undefined;
}
