import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** How a process ended: the signal that killed it, or its exit code. */
export type Ending = NodeJS.Signals | number;

/** What a crew is made of. */
export interface CrewOptions {
  /** Where the bundled programs are. */
  readonly programs: string;
  /** Where what the processes print goes. */
  readonly folder: string;
  /** Options of Node for every process. */
  readonly nodeOptions?: readonly string[];
}

/** The processes of a lane. None outlives its supervisor: a program ends when it is disconnected. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #output: number;
  readonly #running = new Set<ChildProcess>();
  readonly #endings: Ending[] = [];
  #closed = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
    this.#output = openSync(join(options.folder, 'output.log'), 'a');
  }

  /** How the processes ended that were not asked to, in that order. */
  get endings(): readonly Ending[] {
    return this.#endings;
  }

  /** The processes that run now. */
  get running(): readonly ChildProcess[] {
    return [...this.#running];
  }

  /** Starts a program; its config is its argument, as JSON. */
  start(program: string, config: unknown, env: NodeJS.ProcessEnv = {}): ChildProcess {
    const { programs, nodeOptions = [] } = this.#options;
    const file = join(programs, `${program}.js`);
    const child = spawn(process.execPath, [...nodeOptions, file, JSON.stringify(config)], {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', this.#output, this.#output, 'ipc'],
    });
    this.#running.add(child);
    child.on('error', () => undefined); // a message to a process that has just died
    child.on('exit', (code, signal) => {
      this.#running.delete(child);
      if (!this.#closed) this.#endings.push((signal ?? code) as Ending);
    });
    return child;
  }

  /** Keeps a place filled: when its process is gone, another takes over. `next` is the config of each. */
  keep(program: string, next: () => unknown, env?: NodeJS.ProcessEnv, onStart?: (child: ChildProcess) => void): void {
    if (this.#closed) return;
    const child = this.start(program, next(), env);
    onStart?.(child);
    child.on('exit', () => this.keep(program, next, env, onStart));
  }

  /** Asks all to end, and ends those that do not. Answers how many had to be made to. */
  async close(patienceMs = 5_000): Promise<number> {
    if (this.#closed) return 0;
    this.#closed = true;
    for (const child of this.#running) child.kill('SIGTERM');
    for (const end = performance.now() + patienceMs; this.#running.size > 0 && performance.now() < end;) await wait(10);
    const stubborn = this.#running.size;
    for (const child of this.#running) child.kill('SIGKILL');
    while (this.#running.size > 0) await wait(5);
    closeSync(this.#output);
    return stubborn;
  }
}
