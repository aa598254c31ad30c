import { twice, type Trial } from './trial.ts';

/** What was acknowledged is there, and nothing is there that nobody asked for. */
export function nothingLost(trial: Trial): void {
  acknowledgedIsThere(trial);
  onceEach(trial);
  nothingInvented(trial);
  for (const subject of trial.bySubject.keys()) knownSubject(trial, subject);
}

function acknowledgedIsThere(trial: Trial): void {
  const ids = new Map<string, string>();
  for (const ack of trial.all('ack')) {
    const subject = `${ack.what} ${ack.key}`;
    const known = ids.get(subject);
    if (known !== undefined && known !== ack.id)
      trial.accuse('one id per key', subject, `acknowledged as ${known} and as ${ack.id}`);
    ids.set(subject, ack.id);
    if (ack.what === 'task') {
      const row = trial.tasks.get(ack.id);
      if (row === undefined)
        trial.accuse('nothing lost', ack.id, `the submit of ${ack.key} was acknowledged, and there is no such task`);
      else if (row.name !== ack.key)
        trial.accuse('nothing lost', ack.id, `acknowledged for ${ack.key}, but the task is ${row.name}`);
      else if (
        ack.due &&
        !(trial.bySubject.get(ack.id) ?? []).some(
          ({ type, data }) =>
            type === 'task.submitted' ||
            (type === 'task.created' && data['dueAt'] !== undefined) ||
            type === 'task.claimed',
        )
      )
        trial.accuse(
          'nothing lost',
          ack.id,
          `the submit of ${ack.key} was acknowledged, and the task was never made due`,
        );
    } else {
      const row = trial.workflows.get(ack.id);
      const tasks = trial.tasksOf(ack.id);
      if (row === undefined)
        trial.accuse('nothing lost', ack.id, `workflow ${ack.key} was acknowledged, and there is none`);
      else if (ack.tasks > 0 && tasks.length !== ack.tasks)
        trial.accuse('whole or not at all', ack.id, `created with ${ack.tasks} tasks, and has ${tasks.length}`);
    }
  }
  for (const { task, workflow } of trial.all('added')) {
    if (trial.tasks.get(task)?.workflow !== workflow)
      trial.accuse(
        'nothing lost',
        task,
        `was added to ${workflow}, and is in ${String(trial.tasks.get(task)?.workflow)}`,
      );
  }
  for (const { task } of trial.all('retried')) {
    if (!trial.eventsOf(task).some(({ type }) => type === 'task.retried'))
      trial.accuse('nothing lost', task, 'its retry was acknowledged, and its log has none');
  }
  for (const { key, answer } of trial.all('conflict')) {
    if (answer !== 'IDEMPOTENCY_CONFLICT')
      trial.accuse('one id per key', key, `another body under the same key was answered with ${answer}`);
  }
}

/** Also what nobody was told of is there once: the answer to the first of two submits may have been lost. */
function onceEach(trial: Trial): void {
  for (const [name, ids] of twice([...trial.tasks.values()], (task) => task.name))
    trial.accuse('one id per key', `task ${name}`, `is there as ${ids.join(' and as ')}`);
  for (const [name, ids] of twice([...trial.workflows.values()], (workflow) => workflow.name))
    trial.accuse('one id per key', `workflow ${name}`, `is there as ${ids.join(' and as ')}`);
}

function nothingInvented(trial: Trial): void {
  const intended = new Set(trial.all('intent').map(({ what, key }) => `${what} ${key}`));
  for (const { id, name } of trial.tasks.values()) {
    if (!intended.has(`task ${name}`)) trial.accuse('nothing invented', id, `nobody asked for a task ${name}`);
  }
  for (const { id, key } of trial.workflows.values()) {
    if (!intended.has(`workflow ${key ?? ''}`))
      trial.accuse('nothing invented', id, `nobody asked for a workflow ${String(key)}`);
  }
}

function knownSubject(trial: Trial, subject: string): void {
  if (subject.startsWith('agent:') || trial.tasks.has(subject) || trial.workflows.has(subject)) return;
  trial.accuse('nothing invented', subject, 'has events and no row');
}
