/** How much goes into one flush. */
export interface BatchLimits<Request> {
  /** Requests. */
  readonly maximum: number;
  /** The size of a request, in a unit of the caller's. */
  readonly weigh: (request: Request) => number;
  /** The sum of sizes that a flush stays under, unless a single request is larger. */
  readonly maximumWeight: number;
}

/**
 * Group commit: requests that arrive while one flush is under way go into the next. There is no timer, so a lone caller
 * never waits; one flush is under way at a time.
 */
export class Batcher<Request, Answer> {
  readonly #flush: (requests: readonly Request[]) => Promise<readonly Answer[]>;
  readonly #limits: BatchLimits<Request>;
  #queue: {
    readonly request: Request;
    readonly weight: number;
    readonly resolve: (answer: Answer) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #running = false;
  #idle: (() => void)[] = [];

  /**
   * @param flush carries out requests together and answers each in order; if it rejects, all are rejected with its error
   */
  constructor(flush: (requests: readonly Request[]) => Promise<readonly Answer[]>, limits: BatchLimits<Request>) {
    this.#flush = flush;
    this.#limits = limits;
  }

  add(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, weight: this.#limits.weigh(request), resolve, reject });
      if (!this.#running) {
        this.#running = true;
        queueMicrotask(() => void this.#run());
      }
    });
  }

  /** Resolves once nothing is queued or under way. */
  idle(): Promise<void> {
    return this.#running ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  async #run(): Promise<void> {
    // The callers of one turn of the event loop come together before the first flush leaves.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#next());
      try {
        const answers = await this.#flush(batch.map(({ request }) => request));
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** How many of the queue go into the next flush: at least one, however heavy. */
  #next(): number {
    let weight = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      weight += waiting.weight;
      if (count === this.#limits.maximum || (count > 0 && weight > this.#limits.maximumWeight)) break;
      count++;
    }
    return count;
  }
}
