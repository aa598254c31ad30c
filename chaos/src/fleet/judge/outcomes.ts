import { ended } from './life.ts';
import { slackMs, type Trial } from './trial.ts';

/** Tasks ended as was intended, commands held, and what was read stayed. */
export function outcomesAsIntended(trial: Trial): void {
  outcomes(trial);
  commands(trial);
}

function outcomes(trial: Trial): void {
  const cancelledWorkflows = new Set(
    [...trial.workflows.values()].filter(({ cancelRequested }) => cancelRequested === 1).map(({ id }) => id),
  );
  const cancelled = new Set(trial.all('cancelled').map(({ task }) => task));
  const expectations = new Map(
    trial
      .all('intent')
      .flatMap(({ what, key, expect }) => (what === 'task' && expect !== undefined ? [[key, expect] as const] : [])),
  );
  for (const row of trial.tasks.values()) {
    const expect = expectations.get(row.name);
    if (expect?.notBefore !== undefined) {
      const [first] = trial.eventsOf(row.id).filter(({ type }) => type === 'task.claimed');
      if (first !== undefined && first.at < expect.notBefore - slackMs)
        trial.accuse('due times', row.id, `was started ${expect.notBefore - first.at} ms before it was due`);
    }
    if (expect === undefined || !ended.has(row.status)) continue;
    const mayBeCancelled =
      row.status === 'cancelled' &&
      (cancelled.has(row.id) ||
        cancelledWorkflows.has(row.workflow ?? '') ||
        trial.eventsOf(row.id).some(({ type, data }) => type === 'task.cancelled' && data['reason'] !== undefined));
    if (mayBeCancelled) continue;
    const code = row.error === null ? undefined : (JSON.parse(row.error) as { readonly code?: string }).code;
    if (row.status !== expect.status || (expect.code !== undefined && code !== expect.code))
      trial.accuse(
        'outcome',
        row.id,
        `${row.name} was to be ${expect.status} ${expect.code ?? ''}, and is ${row.status} ${code ?? ''}`,
      );
  }
}

function commands(trial: Trial): void {
  for (const { task, status, at } of trial.all('cancelled')) {
    const row = trial.tasks.get(task);
    const wanted = status === 'running' || status === 'cancelled' ? 'cancelled' : status;
    if (row?.status !== wanted)
      trial.accuse(
        'an acknowledged cancel holds',
        task,
        `was answered ${status} at ${at}, and the task is ${String(row?.status)}`,
      );
  }
  for (const { task, status, at } of trial.all('seen')) {
    const later = trial.eventsOf(task).some((event) => event.type === 'task.retried' && event.at >= at - slackMs);
    if (trial.tasks.get(task)?.status !== status && !later)
      trial.accuse(
        'an end that was read stays',
        task,
        `was read as ${status}, and is ${String(trial.tasks.get(task)?.status)}`,
      );
  }
  for (const { workflow, command, at } of trial.all('workflow')) {
    const type = { pause: 'workflow.paused', resume: 'workflow.resumed', cancel: 'workflow.cancel_requested' }[command];
    const settled = trial
      .eventsOf(workflow)
      .some((event) => event.type === 'workflow.settled' && event.at <= at + slackMs);
    if (
      command !== 'resume' &&
      !(command === 'cancel' && settled) &&
      !trial.eventsOf(workflow).some((event) => event.type === type)
    )
      trial.accuse('nothing lost', workflow, `${command} was acknowledged, and its log has none`);
    if (command !== 'cancel') continue;
    for (const { id } of trial.tasksOf(workflow)) {
      for (const event of trial.eventsOf(id)) {
        const late = event.type === 'task.completed' || event.type === 'task.failed';
        if (late && event.at > at + slackMs) {
          const message = `${event.type} ${event.at - at} ms after the cancel of ${workflow} was acknowledged`;
          trial.accuse('an acknowledged cancel holds', id, message);
        }
      }
    }
  }
  for (const { during, code, message, by } of trial.all('error'))
    trial.accuse('no unexpected error', by, `${during}: ${code} ${message}`);
}
