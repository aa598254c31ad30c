/** How far one package is. */
export interface Standing {
  readonly name: string;
  readonly tasks: number;
  readonly done: number;
  readonly refusals: number;
  readonly human: number;
  readonly errorsBefore: number;
  readonly errorsNow: number;
}

const barWidth = 14;

/** One line per package: a bar, tasks done, errors before and now. */
export function standingLine(standing: Standing, nameWidth: number): string {
  const { name, tasks, done, refusals, human, errorsBefore, errorsNow } = standing;
  const filled = tasks === 0 ? barWidth : Math.floor((done / tasks) * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const count = `${String(done).padStart(String(tasks).length)}/${tasks}`;
  const errors = `${errorsBefore} → ${String(errorsNow).padStart(String(errorsBefore).length)} errors`;
  return `${name.padEnd(nameWidth)}  ${bar}  ${count} · ${errors} · refused ${refusals} · human ${human}`;
}

/** Where lines go. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Shows how far the packages are. On a terminal the lines stay in place and are redrawn; in a pipe a new set of lines is
 * written each time another tenth is done, so that a log stays readable.
 */
export class Progress {
  readonly #screen: Screen;
  #drawn = 0;
  #shown = -1;
  #last = '';

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  show(standings: readonly Standing[]): void {
    const width = Math.max(...standings.map(({ name }) => name.length));
    const lines = standings.map((standing) => standingLine(standing, width));
    if (this.#screen.isTTY === true) this.#redraw(lines);
    else this.#append(lines, standings);
  }

  /** Writes a line of its own, above what comes next. */
  say(line: string): void {
    this.#screen.write(`${line}\n`);
    this.#drawn = 0;
    this.#last = '';
  }

  #redraw(lines: readonly string[]): void {
    // A line that wraps would be two to go back over.
    const width = (this.#screen.columns ?? 80) - 1;
    const cut = lines.map((line) => line.slice(0, width));
    const text = cut.join('\n');
    if (text === this.#last) return;
    const up = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
    this.#screen.write(`${up}${cut.map((line) => `\x1b[2K${line}\n`).join('')}`);
    this.#drawn = cut.length;
    this.#last = text;
  }

  #append(lines: readonly string[], standings: readonly Standing[]): void {
    const done = standings.reduce((sum, standing) => sum + standing.done, 0);
    const tasks = standings.reduce((sum, standing) => sum + standing.tasks, 0);
    const tenth = tasks === 0 ? 10 : Math.floor((done / tasks) * 10);
    if (tenth === this.#shown) return;
    this.#shown = tenth;
    for (const line of lines) this.#screen.write(`${line}\n`);
  }
}
