import { decisionCandidates, defineStrategy, RoutingStrategies, type AgentConfig } from '@symphony/core';
import { drawOrder } from './draw-order.ts';

/**
 * Ranks agents by how many of the task's wishes they have the capability for. Wishes are the task's tags, and the
 * capabilities it requires; upper and lower case are the same. Among equals the specialist comes first, who has the
 * fewest other capabilities, then a draw decides. Abstains if no wish is met.
 *
 * @example
 * router.setStrategy('capability-match');
 */
export const capabilityMatch = defineStrategy({
  name: RoutingStrategies.CapabilityMatch,
  version: '1',
  create: () => ({
    rank({ task, candidates, random }) {
      const wishes = new Set([...task.tags, ...(task.requirements.capabilities ?? [])].map(fold));
      const matches = [...candidates].map((agent) => matchWishes(agent, wishes)).filter(({ met }) => met.length > 0);
      return drawOrder(matches, random)
        .sort((a, b) => b.met.length - a.met.length || a.others - b.others)
        .slice(0, decisionCandidates)
        .map(({ agentId, met, others }) => ({
          agentId,
          score: met.length / wishes.size,
          reasons: [
            `has ${met.length} of ${wishes.size} wished capabilities: ${met.join(', ')}`,
            others === 0 ? 'does nothing else' : `has ${others} other ${others === 1 ? 'capability' : 'capabilities'}`,
          ],
        }));
    },
  }),
});

export default capabilityMatch;

interface Match {
  readonly agentId: string;
  readonly met: readonly string[];
  readonly others: number;
}

function matchWishes({ id, capabilities }: AgentConfig, wishes: ReadonlySet<string>): Match {
  const folded = new Set(capabilities.map(fold));
  const met = [...wishes].filter((wish) => folded.has(wish));
  return { agentId: id, met, others: folded.size - met.length };
}

function fold(name: string): string {
  return name.toLowerCase();
}
