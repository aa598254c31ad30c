import { decisionCandidates, defineStrategy, RoutingStrategies, type AgentConfig } from '@symphony/core';

/**
 * Gives tasks to candidates in turn: the one whose last turn is longest ago comes next, those that had none first, by id.
 * So the turns stay fair also where tasks differ in who may take them. Each process counts for itself.
 *
 * @example
 * router.setStrategy('round-robin');
 */
export const roundRobin = defineStrategy({
  name: RoutingStrategies.RoundRobin,
  version: '1',
  create() {
    const lastTurns = new Map<string, number>();
    let turn = 0;
    return {
      rank({ candidates }) {
        const lastTurn = ({ id }: AgentConfig): number => lastTurns.get(id) ?? 0;
        const next = [...candidates].sort((a, b) => lastTurn(a) - lastTurn(b)).slice(0, decisionCandidates);
        if (next[0] !== undefined) lastTurns.set(next[0].id, ++turn);
        return next.map(({ id }, place) => ({
          agentId: id,
          score: 0 - place,
          reasons: [place === 0 ? 'it is its turn' : `${place} ${place === 1 ? 'turn' : 'turns'} to go`],
        }));
      },
    };
  },
});

export default roundRobin;
