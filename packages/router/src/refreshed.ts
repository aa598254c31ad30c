import type { Clock } from '@symphony/core';

/** A value fetched from elsewhere at most once per interval; callers that come meanwhile share one fetch. */
export class Refreshed<T> {
  readonly #fetch: () => Promise<T>;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #fetched: { readonly value: T; readonly at: number } | undefined;
  #pending: Promise<T> | undefined;

  constructor(fetch: () => Promise<T>, clock: Clock, intervalMs: number) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** The value, fetched anew if it is older than the interval. */
  async get(): Promise<T> {
    const now = this.#clock.monotonic();
    if (this.#fetched !== undefined && now - this.#fetched.at < this.#intervalMs) return this.#fetched.value;
    this.#pending ??= this.#start(now);
    return this.#pending;
  }

  /** Makes the next {@link get} fetch anew, also if a fetch is under way. */
  forget(): void {
    this.#fetched = undefined;
    this.#pending = undefined;
  }

  #start(at: number): Promise<T> {
    const isCurrent = (): boolean => this.#pending === pending;
    const pending: Promise<T> = this.#fetch()
      .then((value) => {
        if (isCurrent()) this.#fetched = { value, at };
        return value;
      })
      .finally(() => {
        if (isCurrent()) this.#pending = undefined;
      });
    return pending;
  }
}
