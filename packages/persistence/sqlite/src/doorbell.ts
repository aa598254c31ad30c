import { watch, type FSWatcher } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { systemClock } from '@symphony/core';

/** How often a change by another process is looked for when the file system says nothing. */
const pollMs = 100;

/** Shortest time between two rings for changes by other processes. */
const quietMs = 10;

/**
 * Tells when the file may have changed: at once for this process's own commits, by watching the file and SQLite's
 * `data_version` for those of others. Watches only while somebody listens.
 */
export class Doorbell {
  readonly #path: string;
  readonly #reader: DatabaseSync;
  readonly #listeners = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #stopPoll: (() => void) | undefined;
  #stopQuiet: (() => void) | undefined;
  #ringing = false;
  #version = 0;

  constructor(path: string, reader: DatabaseSync) {
    this.#path = path;
    this.#reader = reader;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** Rings once for all changes of this turn of the event loop. */
  ring(): void {
    if (this.#ringing || this.#listeners.size === 0) return;
    this.#ringing = true;
    setImmediate(() => {
      this.#ringing = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#stopPoll?.();
    this.#stopQuiet?.();
    this.#stopPoll = undefined;
    this.#stopQuiet = undefined;
  }

  #start(): void {
    if (this.#stopPoll !== undefined || this.#path === ':memory:') return;
    this.#version = this.#readVersion();
    this.#poll();
    try {
      this.#watcher = watch(`${this.#path}-wal`, { persistent: false }, () => {
        const look = (): void => {
          this.#stopQuiet = undefined;
          this.#look();
        };
        this.#stopQuiet ??= systemClock.setTimer(look, quietMs, { background: true });
      });
      // Without a watch the poll alone has to do.
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  #poll(): void {
    const again = (): void => {
      this.#look();
      this.#poll();
    };
    this.#stopPoll = systemClock.setTimer(again, pollMs, { background: true });
  }

  #look(): void {
    let version: number;
    try {
      version = this.#readVersion();
    } catch {
      return; // a bell may stay silent; whoever asks the store learns what is wrong with it
    }
    if (version === this.#version) return;
    this.#version = version;
    this.ring();
  }

  #readVersion(): number {
    return this.#reader.prepare('PRAGMA data_version').get()?.['data_version'] as number;
  }
}
