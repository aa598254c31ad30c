import { spawn, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { wait } from './agents.ts';
import { Diary } from './evidence.ts';
import type { ProcessConfig } from './host.ts';

/** A place that always has a process in it: when one is gone, the next takes over. */
export interface Place {
  readonly name: string;
  readonly program: 'worker' | 'submitter';
  /** The config of the next process in this place, by how the last one ended; undefined ends the place. */
  readonly next: (lastCode: number | null | undefined) => Omit<ProcessConfig, 'folder' | 'label'> | undefined;
}

/** A process that runs. */
export interface Running {
  readonly label: string;
  readonly place: Place;
  readonly child: ChildProcess;
  ready: boolean;
  stopped: boolean;
  /** It is expected to be gone soon. */
  leaving: boolean;
}

/** Starts processes, starts others where they were, and writes down all that it does to them. */
export class Supervisor {
  readonly folder: string;
  readonly running = new Set<Running>();
  /** Places whose process ended with an error, such as having found no store, and that are filled again in a moment. */
  readonly waiting = new Set<Place>();
  readonly #diary: Diary;
  readonly #programs: string;
  readonly #output: number;
  readonly #onExit: (label: string) => void;
  #count = 0;
  #closed = false;

  /**
   * @param programs where the built programs are
   * @param onExit hears of every process that is gone
   */
  constructor(folder: string, programs: string, onExit: (label: string) => void) {
    this.folder = folder;
    this.#programs = programs;
    this.#onExit = onExit;
    this.#diary = new Diary(folder, 'supervisor');
    this.#output = openSync(join(folder, 'output.log'), 'a');
    process.on('exit', this.#endAll);
  }

  get diary(): Diary {
    return this.#diary;
  }

  /** Fills a place until {@link close}, or until it has nobody to follow. */
  start(place: Place, lastCode?: number | null): void {
    if (this.#closed) return;
    const next = place.next(lastCode);
    if (next === undefined) return;
    const label = `${place.name}-${String(++this.#count).padStart(5, '0')}`;
    const config: ProcessConfig = { ...next, folder: this.folder, label };
    const child = spawn(process.execPath, [join(this.#programs, `${place.program}.js`), JSON.stringify(config)], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', this.#output, this.#output, 'ipc'],
    });
    const running: Running = { label, place, child, ready: false, stopped: false, leaving: false };
    this.running.add(running);
    this.#diary.write({ kind: 'spawn', process: label, pid: child.pid ?? 0 });
    child.on('message', () => {
      running.ready = true;
      this.#diary.write({ kind: 'ready', process: label, pid: child.pid ?? 0 });
    });
    child.on('error', () => undefined); // a message to a process that has just died
    child.on('exit', (code, signal) => {
      this.running.delete(running);
      this.#diary.write({ kind: 'exit', process: label, code, signal });
      this.#onExit(label);
      // One that cannot even start is not started again and again without a breath.
      if (code !== null && code !== 0) this.#startLater(place, code);
      else this.start(place, code);
    });
  }

  #startLater(place: Place, lastCode: number): void {
    this.waiting.add(place);
    setTimeout(() => {
      this.waiting.delete(place);
      this.start(place, lastCode);
    }, 100);
  }

  /** Ends a process at whatever it is doing. */
  kill(target: Running): void {
    target.leaving = true;
    this.#diary.write({ kind: 'kill', process: target.label });
    target.child.kill('SIGKILL');
  }

  /** Lets a process stand still until something has happened, as a machine that swaps or a debugger does. */
  async freeze(target: Running, until: Promise<void>): Promise<void> {
    target.stopped = true;
    target.child.kill('SIGSTOP');
    this.#diary.write({ kind: 'stop', process: target.label });
    await until;
    this.#diary.write({ kind: 'continue', process: target.label });
    target.child.kill('SIGCONT');
    target.stopped = false;
  }

  /** Asks a process to end in good order; asked again, it is to hurry. */
  terminate(target: Running, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): void {
    target.leaving = true;
    this.#diary.write({ kind: 'terminate', process: target.label, signal });
    target.child.kill(signal);
  }

  /** A process that stands still would not even notice that nobody looks after it any more. */
  readonly #endAll = (): void => {
    for (const { child } of this.running) child.kill('SIGKILL');
  };

  /** Starts nobody any more and ends who is left. */
  async close(): Promise<void> {
    this.#closed = true;
    process.off('exit', this.#endAll);
    for (const { label, child } of this.running) {
      this.#diary.write({ kind: 'kill', process: label });
      child.kill('SIGKILL');
      child.kill('SIGCONT');
    }
    while (this.running.size > 0) await wait(5);
  }
}
