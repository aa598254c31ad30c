import type { ClientBase } from 'pg';
import type { Cells } from './rows.ts';

/** A statement that the server keeps prepared for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a statement answered. */
export interface Answer {
  /** The command that was carried out: `INSERT`, `COMMIT`, `ROLLBACK`. */
  readonly command: string;
  readonly count: number;
  readonly rows: readonly Cells[];
}

const statements = new Map<string, Statement>();

/** A statement that is used often; the same text is the same statement. */
export function statement(text: string): Statement {
  let known = statements.get(text);
  if (known === undefined) {
    known = { name: `symphony_${statements.size + 1}`, text };
    statements.set(text, known);
  }
  return known;
}

interface Sent {
  readonly sql: Statement | string;
  readonly values: readonly unknown[];
  readonly use: ((answer: Answer) => void) | undefined;
}

/** Statements that travel together: all of them are on their way before the first is answered, so they cost one round trip. */
export class Trip {
  readonly #parts: Sent[] = [];

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** @param use is given the answer, once all statements of the trip have been answered */
  add(sql: Statement | string, values: readonly unknown[] = [], use?: (answer: Answer) => void): void {
    this.#parts.push({ sql, values, use });
  }

  /**
   * Sends everything and waits for all answers.
   *
   * @throws what the first statement that failed was answered with
   */
  async send(client: ClientBase): Promise<void> {
    const settled = await Promise.allSettled(this.#parts.map(({ sql, values }) => ask(client, sql, values)));
    for (const each of settled) if (each.status === 'rejected') throw each.reason;
    for (const [index, each] of settled.entries()) {
      if (each.status === 'fulfilled') this.#parts[index]?.use?.(each.value);
    }
  }
}

/** Sends one statement on a connection. */
export async function ask(
  client: ClientBase,
  sql: Statement | string,
  values: readonly unknown[] = [],
): Promise<Answer> {
  const { text, name } = typeof sql === 'string' ? { text: sql, name: undefined } : sql;
  const result = await client.query({
    text,
    values: [...values],
    rowMode: 'array',
    ...(name === undefined || values.length === 0 ? {} : { name }),
  });
  return { command: result.command, count: result.rowCount ?? 0, rows: result.rows as Cells[] };
}
