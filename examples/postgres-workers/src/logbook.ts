import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** What a process has done, as it says itself. */
export interface LogbookLine {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly pid: number;
  readonly task: string;
  readonly attempt: number;
  /**
   * `acknowledged`: the store has the task. `began`: a step is about to be paid for. `recorded`: the store has its result.
   * `stopped`: the agent was told to stop, and did.
   */
  readonly what: 'acknowledged' | 'began' | 'recorded' | 'stopped';
  /** Of which step, or of which order. */
  readonly of: string;
}

/** A file that the processes append to and the store knows nothing of. The proof at the end stands on it. */
export class Logbook {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  write(line: Omit<LogbookLine, 'at' | 'pid'>): void {
    appendFileSync(this.path, `${JSON.stringify({ at: Date.now(), pid: process.pid, ...line })}\n`);
  }

  read(): readonly LogbookLine[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogbookLine);
  }
}
