/** From which status each event of a task may happen, and what the status is then. `none` is a task that is not there yet. */
export const taskEvents: Readonly<Record<string, { readonly from: readonly string[]; readonly to?: string }>> = {
  'task.created': { from: ['none'], to: 'pending' },
  'task.submitted': { from: ['pending'] },
  'task.routed': { from: ['pending'] },
  'task.unroutable': { from: ['pending'] },
  'task.unassigned': { from: ['pending'] },
  'task.claimed': { from: ['pending'], to: 'running' },
  'task.recovered': { from: ['running'] },
  'task.steps_unused': { from: ['running'] },
  'task.retry_scheduled': { from: ['running'], to: 'pending' },
  'task.refused': { from: ['running'], to: 'pending' },
  'task.released': { from: ['running'], to: 'pending' },
  'task.crashed': { from: ['running'], to: 'pending' },
  'task.cancel_requested': { from: ['running'] },
  'task.completed': { from: ['running'], to: 'completed' },
  'task.failed': { from: ['running', 'pending'], to: 'failed' },
  'task.cancelled': { from: ['running', 'pending'], to: 'cancelled' },
  'task.retried': { from: ['failed', 'cancelled'], to: 'pending' },
  'task.added_to_workflow': { from: ['pending', 'running', 'completed', 'failed', 'cancelled'] },
  'task.hook_failed': { from: ['running', 'pending', 'completed', 'failed', 'cancelled'] },
  'task.late_result': { from: ['running', 'pending', 'completed', 'failed', 'cancelled'] },
};

/** Events that an attempt writes or that end it: they name the attempt that is the current one. */
export const ofAttempt = new Set(
  [
    'recovered',
    'steps_unused',
    'retry_scheduled',
    'refused',
    'released',
    'crashed',
    'cancel_requested',
    'completed',
    'failed',
    'cancelled',
  ].map((name) => `task.${name}`),
);

/** The statuses in which nothing more happens. */
export const ended = new Set(['completed', 'failed', 'cancelled']);
