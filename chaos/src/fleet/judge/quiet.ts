import type { Trial } from './trial.ts';

/** When nothing strikes any more, everything comes to its end and nothing is left behind. */
export function quiet(trial: Trial): void {
  if (!trial.evidence.quiet) trial.accuse('quiet', 'lane', 'work was left when the wait for quiet ran out');
  for (const { id, status, attempt, dueAt, boundTo, held, workflow } of trial.tasks.values()) {
    if (status === 'running' || status === 'waiting') trial.accuse('quiet', id, `is still ${status}`);
    if (boundTo !== null) trial.accuse('quiet', id, `is still bound to ${boundTo}`);
    if (status === 'pending' && dueAt !== null) trial.accuse('quiet', id, 'is due and nobody took it');
    // Created and left alone is the only way to be pending now.
    const untouched =
      attempt === 0 &&
      trial.eventsOf(id).every(({ type, data }) => type !== 'task.submitted' && data['dueAt'] === undefined);
    if (status === 'pending' && dueAt === null && !untouched)
      trial.accuse('quiet', id, 'is open, and will never be due');
    if (held === 1 && trial.workflows.get(workflow ?? '')?.paused !== 1)
      trial.accuse('quiet', id, 'is held back, and its workflow is not paused');
  }
  for (const row of trial.evidence.database.prepare('SELECT id FROM workers').all())
    trial.accuse('quiet', String(row['id']), 'has a row, and its process is gone');
}
