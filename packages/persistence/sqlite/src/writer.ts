import type { DatabaseSync } from 'node:sqlite';
import {
  closeWorker,
  Flush,
  openWorker,
  prune,
  renewWorker,
  SymphonyError,
  sweep,
  type Claimed,
  type CommitRequest,
  type CommitResponse,
  type ErrorCode,
  type ErrorDetails,
  type GroupResult,
  type PruneRequest,
  type PruneResult,
  type Renewal,
  type SweepRequest,
  type SweepResult,
  type Times,
  type WorkerBeat,
} from '@symphony/core';
import { inTransaction, isDataError, toStoreError } from './database.ts';
import type { ReadTimes } from './lease-clock.ts';
import { SqliteTables } from './sqlite-tables.ts';

/** What can be asked of the writer, by name: what goes in, and what comes out. */
export interface WriterCalls {
  commit: { readonly in: readonly CommitRequest[]; readonly out: readonly CommitResponse[] };
  openWorker: { readonly in: WorkerBeat; readonly out: undefined };
  renew: { readonly in: WorkerBeat; readonly out: Renewal };
  closeWorker: { readonly in: string; readonly out: undefined };
  sweep: {
    readonly in: SweepRequest & { /** On the lease clock. */ readonly askedAt: number };
    readonly out: SweepResult;
  };
  prune: { readonly in: PruneRequest; readonly out: PruneResult };
  setState: {
    readonly in: { readonly key: string; readonly value: string; readonly version: number };
    readonly out: boolean;
  };
  close: { readonly in: undefined; readonly out: undefined };
}

/** The name of a call. */
export type WriterCall = keyof WriterCalls;

/** An error as it crosses a thread. */
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** Owns the connection that writes: every change of the file goes through here, one transaction at a time. */
export class Writer {
  readonly #database: DatabaseSync;
  readonly #tables: SqliteTables;
  readonly #readTimes: ReadTimes;

  constructor(database: DatabaseSync, readTimes: ReadTimes) {
    this.#database = database;
    this.#tables = new SqliteTables(database);
    this.#readTimes = readTimes;
  }

  /**
   * @throws SymphonyError `STORE_FULL`, `STORE_CORRUPT`, `STORE_FAILED`
   */
  call<Call extends WriterCall>(name: Call, input: WriterCalls[Call]['in']): WriterCalls[Call]['out'] {
    try {
      return this.#carryOut(name, input);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #carryOut(name: WriterCall, input: unknown): WriterCalls[WriterCall]['out'] {
    switch (name) {
      case 'commit':
        return this.#commit(input as WriterCalls['commit']['in']);
      case 'openWorker':
        this.#write((times) => openWorker(this.#tables, times, input as WorkerBeat));
        return undefined;
      case 'renew':
        return this.#write((times) => renewWorker(this.#tables, times, input as WorkerBeat));
      case 'closeWorker':
        this.#write((times) => closeWorker(this.#tables, times, input as string));
        return undefined;
      case 'sweep':
        return this.#sweep(input as WriterCalls['sweep']['in']);
      case 'prune':
        return this.#write((times) => prune(this.#tables, times, input as PruneRequest));
      case 'setState':
        return this.#setState(input as WriterCalls['setState']['in']);
      case 'close':
        this.#database.close();
        return undefined;
    }
  }

  #sweep({ markDead, patienceMs = Infinity, askedAt }: WriterCalls['sweep']['in']): SweepResult {
    return this.#write((times) =>
      sweep(this.#tables, times, { markDead: markDead && times.lease - askedAt <= patienceMs }),
    );
  }

  #write<T>(action: (times: Times) => T): T {
    // The times are read under the lock: a wait for another writer must not make them old.
    return inTransaction(this.#database, () => {
      this.#tables.begin();
      return action(this.#readTimes());
    });
  }

  /** All requests in one transaction. If it breaks, it is repeated in halves until the culprit stands alone. */
  #commit(requests: readonly CommitRequest[]): readonly CommitResponse[] {
    try {
      return this.#write((times) => {
        const flush = new Flush(this.#tables, times);
        const results = requests.map(({ groups }) => groups.map((group) => flush.apply(group)));
        const claims = flush.claimAll(requests.flatMap(({ claim }) => claim ?? []));
        flush.settle();
        let next = 0;
        return requests.map(({ claim }, index): CommitResponse => ({
          results: results[index] as readonly GroupResult[],
          claimed: claim === undefined ? [] : (claims[next++] as readonly Claimed[]),
        }));
      });
    } catch (error) {
      if (!isDataError(error)) throw error;
      return this.#isolate(requests, toStoreError(error));
    }
  }

  #isolate(requests: readonly CommitRequest[], failure: SymphonyError): readonly CommitResponse[] {
    const [request] = requests;
    if (request !== undefined && requests.length === 1) return [this.#isolateGroups(request, failure)];
    const half = requests.length >> 1;
    return [...this.#commit(requests.slice(0, half)), ...this.#commit(requests.slice(half))];
  }

  #isolateGroups({ groups, claim }: CommitRequest, failure: SymphonyError): CommitResponse {
    const [group] = groups;
    if (group === undefined) throw failure;
    if (groups.length === 1 && claim === undefined) {
      const result: GroupResult = {
        status: 'error',
        code: failure.code,
        message: failure.message,
        details: failure.details,
      };
      return { results: [result], claimed: [] };
    }
    const parts = [
      ...groups.map((each): CommitRequest => ({ groups: [each] })),
      ...(claim === undefined ? [] : [{ groups: [], claim }]),
    ];
    const responses = parts.map((part) => this.#commit([part])[0] as CommitResponse);
    return {
      results: responses.flatMap(({ results }) => results),
      claimed: responses.flatMap(({ claimed }) => claimed),
    };
  }

  #setState({ key, value, version }: WriterCalls['setState']['in']): boolean {
    return inTransaction(this.#database, () => {
      const known = this.#database.prepare('SELECT version FROM state WHERE key = ?').get(key);
      if (((known?.['version'] as number | undefined) ?? 0) !== version) return false;
      this.#database.prepare('INSERT OR REPLACE INTO state VALUES (?, ?, ?)').run(key, value, version + 1);
      return true;
    });
  }
}

/** What of an error crosses a thread. */
export function carryError(error: unknown): CarriedError {
  const { code, message, details } = toStoreError(error);
  return { code, message, details };
}

/** The error that was carried over. */
export function uncarryError({ code, message, details }: CarriedError): SymphonyError {
  return new SymphonyError(code, message, { details });
}
