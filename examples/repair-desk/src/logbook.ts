import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AgentContext } from '@symphony/registry';
import { appendRecord, closeRecords, readRecords } from './desk/records.ts';

/** One line that an agent wrote down, outside the store, when it began or finished a step. */
export interface LogbookLine {
  readonly task: string;
  readonly agent: string;
  readonly step: string;
  readonly attempt: number;
  readonly phase: 'begin' | 'end';
  readonly process: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Which steps are held: any, or only those that follow others of their task. */
export type HeldSteps = 'any' | 'later';

/** What the agents themselves wrote down: the witness that the store's log is held against at the end. */
export class Logbook {
  readonly #file: string;
  readonly #hold: string;

  constructor(file: string) {
    this.#file = file;
    this.#hold = `${file}.hold`;
    closeRecords(file);
  }

  write(line: Omit<LogbookLine, 'process' | 'at'>): void {
    appendRecord(this.#file, { ...line, process: process.pid, at: Date.now() } satisfies LogbookLine);
  }

  read(): LogbookLine[] {
    return readRecords<LogbookLine>(this.#file);
  }

  /** From now on, whoever begins such a step stays in it: a kill that is to strike in the middle of one then does. */
  hold(steps: HeldSteps): void {
    writeFileSync(this.#hold, steps);
  }

  letGo(): void {
    rmSync(this.#hold, { force: true });
  }

  holds(step: string): boolean {
    if (!existsSync(this.#hold)) return false;
    return readFileSync(this.#hold, 'utf8') === 'any' || step !== firstStep;
  }
}

/** What every agent begins with. */
const firstStep = 'propose';

/** Who is at work on what. */
export interface Who {
  readonly task: string;
  readonly agent: string;
  readonly context: Pick<AgentContext, 'attempt' | 'step'>;
}

/** Runs a journalled step that is also written down in the logbook. */
export function witnessed<T>(
  logbook: Logbook,
  { task, agent, context }: Who,
  step: string,
  fn: () => Promise<T>,
): Promise<T> {
  const line = { task, agent, step, attempt: context.attempt };
  return context.step(step, async () => {
    logbook.write({ ...line, phase: 'begin' });
    if (logbook.holds(step)) await new Promise(() => undefined); // until the kill
    const result = await fn();
    logbook.write({ ...line, phase: 'end' });
    return result;
  });
}
