import {
  Flush,
  SymphonyError,
  type Claimed,
  type CommitRequest,
  type CommitResponse,
  type GroupResult,
} from '@symphony/core';
import { codeOf, troubleOf } from './errors.ts';
import { foreseeCommit } from './foresee.ts';
import { Miss } from './needs.ts';
import type { Transactions } from './transaction.ts';
import type { WorkingSet } from './working-set.ts';

/** Due tasks beyond which a claim is not extended further. */
const searchLimit = 2_000;

/** Carries out flushes: all requests in one transaction; if it breaks, in halves until the culprit stands alone. */
export class Commits {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  /** @throws SymphonyError `STORE_FULL`, `STORE_CORRUPT`, `STORE_FAILED` */
  async carryOut(requests: readonly CommitRequest[]): Promise<readonly CommitResponse[]> {
    try {
      return await this.#together(requests);
    } catch (error) {
      if (!(error instanceof SymphonyError) || !liesInAGroup(error.cause)) throw error;
      return this.#apart(requests, error);
    }
  }

  #together(requests: readonly CommitRequest[]): Promise<readonly CommitResponse[]> {
    return this.#transactions.run({
      purpose: 'commit',
      writes: requests.some(({ groups }) => groups.length > 0),
      foresee: (needs) => foreseeCommit(requests, needs),
      decide: (tables, times, part) => {
        const flush = new Flush(tables, times);
        const results = requests.map(({ groups }) =>
          groups.map((group) => {
            let result: GroupResult | undefined;
            part(() => (result = flush.apply(group)));
            return result as GroupResult; // where it is missing, everything is decided anew
          }),
        );
        let claims: readonly (readonly Claimed[])[] = [];
        part(() => {
          const wished = requests.flatMap(({ claim }) => claim ?? []);
          claims = flush.claimAll(wished);
          const isShort = claims.some((claimed, index) => claimed.length < (wished[index]?.limit ?? 0));
          if (isShort) searchFurther(tables);
        });
        part(() => flush.settle());
        let next = 0;
        return requests.map(({ claim }, index): CommitResponse => ({
          results: results[index] ?? [],
          claimed: claim === undefined ? [] : (claims[next++] ?? []),
        }));
      },
    });
  }

  async #apart(requests: readonly CommitRequest[], failure: SymphonyError): Promise<readonly CommitResponse[]> {
    const [request] = requests;
    if (request !== undefined && requests.length === 1) return [await this.#groupsApart(request, failure)];
    const half = requests.length >> 1;
    const first = await this.carryOut(requests.slice(0, half));
    return [...first, ...(await this.carryOut(requests.slice(half)))];
  }

  async #groupsApart({ groups, claim }: CommitRequest, failure: SymphonyError): Promise<CommitResponse> {
    if (groups.length === 0) throw failure;
    if (groups.length === 1 && claim === undefined) {
      const { code, message, details } = failure;
      return { results: [{ status: 'error', code, message, details }], claimed: [] };
    }
    const parts = groups.map((group): CommitRequest => ({ groups: [group] }));
    if (claim !== undefined) parts.push({ groups: [], claim });
    const responses: CommitResponse[] = [];
    for (const each of parts) responses.push(...(await this.carryOut([each])));
    return {
      results: responses.flatMap(({ results }) => results),
      claimed: responses.flatMap(({ claimed }) => claimed),
    };
  }
}

/** What was looked for did not satisfy a claim, and there may be more. */
function searchFurther(tables: WorkingSet): void {
  const further = tables.furtherDue(searchLimit);
  if (further.size === 0) return;
  throw new Miss((needs) => {
    for (const [assignment, limit] of further) needs.dueApart.set(assignment, limit);
  });
}

/** Whether an error may come from the data of one group. A key that stays taken is one, although it began as a collision. */
function liesInAGroup(cause: unknown): boolean {
  return troubleOf(cause) === 'data' || codeOf(cause) === '23505';
}
