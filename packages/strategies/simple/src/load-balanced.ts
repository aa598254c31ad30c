import { decisionCandidates, defineStrategy, RoutingStrategies } from '@symphony/core';
import { drawOrder } from './draw-order.ts';

/**
 * Ranks agents by how little they have to do: running attempts and waiting tasks count alike, and a draw decides among
 * equals. A process sees its own decisions at once and those of others up to 250 ms later.
 *
 * @example
 * router.setStrategy('load-balanced');
 */
export const loadBalanced = defineStrategy({
  name: RoutingStrategies.LoadBalanced,
  version: '1',
  create: () => ({
    rank({ candidates, load, random }) {
      return drawOrder(candidates, random)
        .map(({ id }) => ({ id, ...load(id) }))
        .sort((a, b) => a.running + a.queued - (b.running + b.queued))
        .slice(0, decisionCandidates)
        .map(({ id, running, queued }) => ({
          agentId: id,
          score: 0 - running - queued,
          reasons: [running + queued === 0 ? 'it is idle' : `${running} running, ${queued} waiting`],
        }));
    },
  }),
});

export default loadBalanced;
