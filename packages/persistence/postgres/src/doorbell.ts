import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '@symphony/core';
import { connectionConfig, type Connections } from './connections.ts';
import type { Settings } from './options.ts';
import { readLastPosition } from './positions.ts';
import { ask } from './trip.ts';

/** How often the log is looked at for what no bell has told, and after how long a broken connection is replaced. */
const pollMs = 1_000;

/** Shortest time between two rings that other processes hear. */
const quietMs = 10;

/**
 * Tells when something may have changed: at once for this store's own commits, by NOTIFY for those of others. Listens
 * on a connection of its own, and only while somebody wants to hear; while it is there it is asked now and then whether the
 * log has grown, which also shows whether it still is.
 */
export class Doorbell {
  readonly #settings: Settings;
  readonly #connections: Connections;
  readonly #channel: string;
  /** Tells its own rings from those of others. */
  readonly #self = randomUUID();
  readonly #listeners = new Set<() => void>();
  #client: pg.Client | undefined;
  #stopPoll: (() => void) | undefined;
  #ringing = false;
  #position = 0;
  /** Set while other processes are not told, since they have just been. */
  #stopQuiet: (() => void) | undefined;
  #toTell = false;
  #telling: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(settings: Settings, connections: Connections) {
    this.#settings = settings;
    this.#connections = connections;
    // Channels belong to the database, schemas may be named in any way: a hash is a name for every one of them.
    this.#channel = `symphony_${createHash('sha256').update(settings.schema).digest('hex').slice(0, 24)}`;
  }

  listen(listener: () => void): () => void {
    // Wrapped, so that a function that listens twice can stop once.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    if (this.#stopPoll === undefined) this.#poll(0);
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.#hangUp();
    };
  }

  /** Rings here at once, and for other processes at once or in a moment. */
  ring(): void {
    this.#ringHere();
    this.#toTell = true;
    if (this.#stopQuiet === undefined) this.#tell();
  }

  /** Stops listening; what is still to be told to others is told. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listeners.clear();
    this.#hangUp();
    this.#stopQuiet?.();
    this.#tell();
    await this.#telling;
  }

  #ringHere(): void {
    if (this.#ringing || this.#listeners.size === 0) return;
    this.#ringing = true;
    setImmediate(() => {
      this.#ringing = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #tell(): void {
    this.#stopQuiet = undefined;
    if (!this.#toTell) return;
    this.#toTell = false;
    const text = `NOTIFY ${this.#channel}, '${this.#self}'`;
    // A bell may stay silent: others look for themselves now and then.
    this.#telling = this.#connections.runOnce('write', (client) => ask(client, text)).then(nothing, nothing);
    if (!this.#stopped) this.#stopQuiet = systemClock.setTimer(() => this.#tell(), quietMs, { background: true });
  }

  #poll(afterMs: number): void {
    const look = async (): Promise<void> => {
      await this.#look().catch(() => this.#drop());
      if (this.#listeners.size > 0) this.#poll(pollMs);
    };
    this.#stopPoll = systemClock.setTimer(() => void look(), afterMs, { background: true });
  }

  /** Connects where it has to, and looks whether the log has grown without a ring. */
  async #look(): Promise<void> {
    const isNew = this.#client === undefined;
    const client = (this.#client ??= await this.#connect());
    const position = await readLastPosition(client);
    // Nobody has listened until now, and something may have happened meanwhile.
    if (isNew || position !== this.#position) this.#ringHere();
    this.#position = position;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ ...connectionConfig(this.#settings), query_timeout: 5 * pollMs, pipeline: true });
    client.on('error', () => this.#drop(client));
    client.on('notification', ({ payload }) => {
      if (payload !== this.#self) this.#ringHere();
    });
    try {
      await client.connect();
      // Listening must not keep the process alive; the typings do not know the method.
      (client as unknown as { readonly unref: () => void }).unref();
      await client.query(`SET search_path = ${pg.escapeIdentifier(this.#settings.schema)}, pg_temp`);
      await client.query(`LISTEN ${this.#channel}`);
    } catch (error) {
      void client.end().catch(nothing);
      throw error;
    }
    if (this.#listeners.size === 0) {
      void client.end().catch(nothing);
      throw new Error('nobody listens any more');
    }
    return client;
  }

  #drop(client = this.#client): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    void client?.end().catch(nothing);
  }

  #hangUp(): void {
    this.#stopPoll?.();
    this.#stopPoll = undefined;
    this.#drop();
  }
}

function nothing(): void {
  // a bell may stay silent
}
