import { contentMatch } from '@symphony/strategy-content-match';
import { roundRobin } from '@symphony/strategies';
import { defineStrategy } from '@symphony/core';

/**
 * What routes where nobody chose a strategy: by content, and in turn where the words decide nothing, so that a first
 * program with two undescribed agents works.
 */
export const defaultStrategy = defineStrategy({
  name: 'default',
  version: '1',
  async create(_options, services) {
    const byContent = await contentMatch.create(undefined, services);
    const inTurn = await roundRobin.create(undefined, services);
    return {
      async rank(request) {
        const ranked = await byContent.rank(request);
        return ranked.length > 0 ? ranked : inTurn.rank(request);
      },
    };
  },
});
