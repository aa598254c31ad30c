import type { RoutingStrategy } from '@symphony/core';

/** The strategy of a router that was given none: the first candidate by id. */
export const firstCandidate: RoutingStrategy = {
  name: 'first',
  rank: ({ candidates }) =>
    [...candidates]
      .slice(0, 1)
      .map(({ id }) => ({ agentId: id, score: 1, reasons: ['it is the first candidate by id'] })),
};
