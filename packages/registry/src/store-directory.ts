import type { AgentDirectory, AgentEntry, AgentLoad, Store } from '@symphony/core';

/**
 * The agents of a store's catalogue. While this process runs no worker, its own agents count as hosted: whoever asks
 * for a route by hand is about to run them itself.
 */
export class StoreDirectory implements AgentDirectory {
  readonly #store: Store;
  readonly #own = new Set<string>();
  readonly #hasWorker: () => boolean;

  constructor(store: Store, hasWorker: () => boolean) {
    this.#store = store;
    this.#hasWorker = hasWorker;
  }

  addOwn(agentId: string): void {
    this.#own.add(agentId);
  }

  async list(): Promise<readonly AgentEntry[]> {
    const entries = await this.#store.agents();
    if (this.#hasWorker()) return entries;
    return entries.map((entry) =>
      entry.hosted || !this.#own.has(entry.config.id) ? entry : { ...entry, hosted: true },
    );
  }

  loads(): Promise<ReadonlyMap<string, AgentLoad>> {
    return this.#store.loads();
  }
}
