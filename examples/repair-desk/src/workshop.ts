import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Place } from './place.ts';
import { readPlan } from './plan.ts';
import { UsageError } from './usage-error.ts';

/** Where a run keeps its state: a scratch folder that goes with the run, or one beside a database that stays. */
export class Workshop {
  readonly place: Place;
  readonly database: string;
  readonly #isKept: boolean;

  /**
   * @param project what the run is about; a database that is about something else is refused
   * @param database the file to keep; none for a run that is not to be resumed
   * @throws UsageError
   */
  constructor(project: string, database?: string) {
    this.#isKept = database !== undefined;
    if (database === undefined) {
      this.place = new Place(mkdtempSync(join(tmpdir(), 'repair-desk-')));
      this.database = join(this.place.folder, 'symphony.db');
      return;
    }
    this.database = database;
    const folder = `${database}.desk`;
    if (existsSync(database) && !existsSync(folder))
      throw new UsageError(`${database} is not a database of the repair desk: its folder ${folder} is missing.`);
    this.place = new Place(folder);
    const earlier = readPlan(this.place);
    if (earlier !== undefined && earlier.project !== project)
      throw new UsageError(
        `${database} belongs to another project: ${earlier.project}. Give this one a file of its own.`,
      );
    this.#lock();
  }

  /** Ends the use; a scratch folder goes, unless it is still of interest. */
  close({ keep }: { readonly keep: boolean }): void {
    if (this.#isKept) rmSync(this.#lockFile, { force: true });
    else if (!keep) rmSync(this.place.folder, { recursive: true, force: true });
  }

  get #lockFile(): string {
    return join(this.place.folder, 'in-use-by');
  }

  #lock(): void {
    const holder = existsSync(this.#lockFile) ? Number(readFileSync(this.#lockFile, 'utf8')) : 0;
    if (holder > 0 && holder !== process.pid && isAlive(holder))
      throw new UsageError(`Process ${holder} is at work on ${this.database}. Wait for it, or end it.`);
    writeFileSync(this.#lockFile, String(process.pid));
  }
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}
