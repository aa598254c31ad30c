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

/** What the agents themselves wrote down: the witness that the store's log is held against at the end. */
export class Logbook {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    closeRecords(file);
  }

  write(line: Omit<LogbookLine, 'process' | 'at'>): void {
    appendRecord(this.#file, { ...line, process: process.pid, at: Date.now() } satisfies LogbookLine);
  }

  read(): LogbookLine[] {
    return readRecords<LogbookLine>(this.#file);
  }
}

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
    const result = await fn();
    logbook.write({ ...line, phase: 'end' });
    return result;
  });
}
