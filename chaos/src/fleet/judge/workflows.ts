import { ended } from './life.ts';
import type { EventRow, WorkflowRow } from './rows.ts';
import { gapless } from './gapless.ts';
import { slackMs, type Trial } from './trial.ts';

/** The counters, the status and the log of every workflow follow from its tasks. */
export function workflowHistories(trial: Trial): void {
  for (const workflow of trial.workflows.values()) workflowHistory(trial, workflow);
}

function workflowHistory(trial: Trial, row: WorkflowRow): void {
  const events = trial.eventsOf(row.id);
  gapless(trial, row.id, row.lastSeq, events);
  const tasks = trial.tasksOf(row.id);
  const counted = {
    total: tasks.length,
    open: tasks.filter(({ status }) => !ended.has(status)).length,
    failed: tasks.filter(({ status }) => status === 'failed').length,
    cancelled: tasks.filter(({ status }) => status === 'cancelled').length,
    started: tasks.filter(({ attempt }) => attempt > 0).length,
  };
  for (const [name, count] of Object.entries(counted)) {
    const stored = row[name as keyof typeof counted];
    if (stored !== count) trial.accuse('counters', row.id, `${name} is ${stored}, and its tasks give ${count}`);
  }
  let settled = false;
  let paused = false;
  let cancelRequested = false;
  let settledAs: unknown;
  for (const { type, seq, data } of events) {
    const illegal =
      (seq === 1) !== (type === 'workflow.created') ||
      (type === 'workflow.settled' && settled) ||
      (type === 'workflow.reopened' && !settled) ||
      (type === 'workflow.paused' && (paused || cancelRequested)) ||
      (type === 'workflow.resumed' && !paused) ||
      (type === 'workflow.cancel_requested' && cancelRequested);
    if (illegal) trial.accuse('legal transitions', row.id, `${type}, seq ${seq}`);
    if (type === 'workflow.settled') {
      settled = true;
      settledAs = data['status'];
    }
    if (type === 'workflow.reopened') settled = false;
    if (type === 'workflow.paused') paused = true;
    if (type === 'workflow.resumed') paused = false;
    if (type === 'workflow.cancel_requested') [cancelRequested, paused] = [true, false];
  }
  if (settled !== (counted.total > 0 && counted.open === 0))
    trial.accuse(
      'settled',
      row.id,
      `its log says ${settled ? 'settled' : 'open'}, and ${counted.open} of ${counted.total} tasks are open`,
    );
  if (settled !== (row.settledAt !== null)) trial.accuse('settled', row.id, `settledAt is ${String(row.settledAt)}`);
  if (paused !== (row.paused === 1) || cancelRequested !== (row.cancelRequested === 1))
    trial.accuse('fold equals row', row.id, 'paused or cancelled against its log');
  if (settled && settledAs !== settledStatus(counted, cancelRequested)) {
    trial.accuse(
      'status is a function',
      row.id,
      `settled as ${String(settledAs)}, and its tasks give ${settledStatus(counted, cancelRequested)}`,
    );
  }
  heldBack(trial, row.id);
}

/** While a workflow is paused, and once its cancellation was asked for, none of its tasks is started. */
function heldBack(trial: Trial, id: string): void {
  for (const { task, claimed, behind, rule } of startedBehind(trial, id)) {
    if (trial.evidence.order === 'serial' || claimed.committed > acknowledgedAt(trial, behind) + slackMs)
      trial.accuse(rule, task, `was claimed at ${claimed.position} while workflow ${id} was held back`);
  }
}

/** Claims that were committed after a pause or a cancellation of their workflow. */
export function startedBehind(
  trial: Trial,
  id: string,
): readonly { readonly task: string; readonly claimed: EventRow; readonly behind: EventRow; readonly rule: string }[] {
  const place = ({ position, committed }: EventRow): number =>
    trial.evidence.order === 'serial' ? position : committed;
  const closed: { readonly behind: EventRow; until: number; readonly rule: string }[] = [];
  for (const event of trial.eventsOf(id)) {
    const rule = heldBackBy[event.type];
    if (rule !== undefined) closed.push({ behind: event, until: Infinity, rule });
    const last = closed.at(-1);
    if (event.type === 'workflow.resumed' && last !== undefined) last.until = place(event);
  }
  if (closed.length === 0) return [];
  return trial.claimsOf(id).flatMap((claimed) => {
    const at = place(claimed);
    const broken = closed.find(({ behind, until }) => at > place(behind) && at < until);
    return broken === undefined ? [] : [{ task: claimed.subject, claimed, behind: broken.behind, rule: broken.rule }];
  });
}

/** The rule that is broken by a claim behind such an event. */
const heldBackBy: Readonly<Record<string, string>> = {
  'workflow.paused': 'paused holds',
  'workflow.cancel_requested': 'a cancelled workflow starts nothing',
};

/**
 * When the command behind such an event was answered: what was claimed beside it until then belongs before it. One whose
 * submitter was killed was never answered.
 */
function acknowledgedAt(trial: Trial, { subject, type, committed }: EventRow): number {
  const command = type === 'workflow.paused' ? 'pause' : 'cancel';
  const answers = trial.all('workflow').filter((line) => line.workflow === subject && line.command === command);
  return Math.min(...answers.map(({ at }) => at).filter((at) => at >= committed - slackMs));
}

function settledStatus(
  counted: { readonly total: number; readonly failed: number; readonly cancelled: number },
  cancelRequested: boolean,
): string {
  if (counted.failed > 0) return 'failed';
  return cancelRequested || counted.cancelled === counted.total ? 'cancelled' : 'completed';
}
