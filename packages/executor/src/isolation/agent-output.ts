import type { Logger } from '@symphony/core';

/** Most characters of a line that are logged. */
const longestLine = 8 * 1024;

/** Most characters that one attempt may write to both streams before the rest is dropped. */
const mostOutput = 10 * 1024 * 1024;

/** Whose output it is. */
export interface Writer {
  readonly taskId: string;
  readonly agentId: string;
  readonly attempt: number;
}

export type OutputStream = 'stdout' | 'stderr';

/**
 * Tells the logger, line by line, what an isolated agent writes: `info` for its standard output, `warn` for its standard
 * error. A line is cut at 8 Ki characters, and what one attempt writes beyond 10 Mi characters is dropped.
 */
export class AgentOutput {
  readonly #logger: Logger;
  readonly #writer: Writer;
  readonly #begun: Record<OutputStream, string> = { stdout: '', stderr: '' };
  #left = mostOutput;

  constructor(logger: Logger, writer: Writer) {
    this.#logger = logger;
    this.#writer = writer;
  }

  write(stream: OutputStream, text: string): void {
    if (this.#left <= 0) return;
    const [first = '', ...others] = text.slice(0, this.#left).split('\n');
    this.#left -= text.length;
    const lines = [this.#begun[stream] + first, ...others];
    // One character more than is logged shows that it was longer.
    this.#begun[stream] = (lines.pop() ?? '').slice(0, longestLine + 1);
    for (const line of lines) this.#tell(stream, line);
    if (this.#left <= 0) this.#log('warn', { limit: mostOutput }, 'An agent writes too much; the rest is dropped.');
  }

  /** Tells what was begun and not ended. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#begun[stream] !== '') this.#tell(stream, this.#begun[stream]);
      this.#begun[stream] = '';
    }
  }

  #tell(stream: OutputStream, line: string): void {
    const text = line.length > longestLine ? `${line.slice(0, longestLine)}… (cut)` : line;
    this.#log(stream === 'stdout' ? 'info' : 'warn', { stream }, text);
  }

  #log(level: 'info' | 'warn', details: object, text: string): void {
    try {
      this.#logger[level]({ ...this.#writer, ...details }, text);
    } catch {
      // Whoever is told has no use for it; an error here, in the event of a stream, would end the worker.
    }
  }
}
