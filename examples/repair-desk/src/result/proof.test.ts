import type { SymphonyEvent } from '@symphony/registry';
import { describe, expect, test } from 'vitest';
import type { LogbookLine } from '../logbook.ts';
import { prove, replayedSteps, type Evidence, type RecordedStep } from './proof.ts';

/** A log, from the types and data of its events. */
function log(...events: readonly (readonly [string, object?])[]): SymphonyEvent[] {
  return events.map(([type, data], index) => ({ type, data: data ?? {}, seq: index + 1 }) as unknown as SymphonyEvent);
}

function run(step: string, attempt: number, phases: readonly ('begin' | 'end')[] = ['begin', 'end']): LogbookLine[] {
  return phases.map((phase) => ({ task: 't', agent: 'a', step, attempt, phase, process: attempt, at: 0 }));
}

const recorded = (name: string, attempt: number): RecordedStep => ({
  taskId: 't',
  agentId: 'a',
  identity: `${name}#1`,
  attempt,
});

const claimed = (attempt: number) => ['task.claimed', { attempt, agentId: 'a' }] as const;
const crashed = (attempt: number) => ['task.crashed', { attempt }] as const;

/** A task whose worker dies in its second step; the next one has the first from the journal and does the second. */
const good: Evidence = {
  submitted: ['t'],
  histories: new Map([
    ['t', log(['task.created'], claimed(1), crashed(1), claimed(2), ['task.completed', { attempt: 2 }])],
  ]),
  steps: [recorded('propose', 1), recorded('apply', 2)],
  logbook: [...run('propose', 1), ...run('apply', 1, ['begin']), ...run('apply', 2)],
};

const broken = (evidence: Evidence): string[] =>
  prove(evidence).flatMap((check) => (check.broken.length > 0 ? [check.claim] : []));

describe('the proof', () => {
  test('holds when a worker died and another went on', () => {
    expect(broken(good)).toEqual([]);
    expect(replayedSteps(good)).toBe(1);
  });

  test('holds when a step was done, but its worker died before it was recorded', () => {
    expect(broken({ ...good, logbook: [...run('propose', 1), ...run('apply', 1), ...run('apply', 2)] })).toEqual([]);
  });

  test('finds a task that was lost', () => {
    expect(broken({ ...good, submitted: ['t', 'u'] })).toEqual(['no task was lost']);
    const open = new Map([['t', log(['task.created'], claimed(1), crashed(1), claimed(2))]]);
    expect(broken({ ...good, histories: open })).toContain('no task was lost');
  });

  test('finds a task that was completed twice', () => {
    const twice = [...good.histories.get('t')!, ...log(['task.completed'])].map((event, index) => ({
      ...event,
      seq: index + 1,
    }));
    expect(broken({ ...good, histories: new Map([['t', twice as SymphonyEvent[]]]) })).toEqual([
      'no task was completed twice',
    ]);
  });

  test('finds a gap in the log', () => {
    const events = good.histories.get('t')!.filter(({ seq }) => seq !== 2);
    expect(broken({ ...good, histories: new Map([['t', events]]) })).toContain('the log has no gaps');
  });

  test('finds a recorded step that began again', () => {
    expect(broken({ ...good, logbook: [...good.logbook, ...run('propose', 2, ['begin'])] })).toEqual([
      'no finished step ran again',
    ]);
    expect(broken({ ...good, logbook: [...good.logbook, ...run('apply', 2, ['begin'])] })).toEqual([
      'no finished step ran again',
    ]);
  });

  test('finds a step that is recorded, but that nobody did', () => {
    expect(broken({ ...good, steps: [...good.steps, recorded('compile', 2)] })).toEqual([
      'log and logbook agree on what was done',
    ]);
  });

  test('finds a step that was done, but is not recorded', () => {
    expect(broken({ ...good, logbook: [...good.logbook, ...run('compile', 2)] })).toEqual([
      'log and logbook agree on what was done',
    ]);
  });
});
