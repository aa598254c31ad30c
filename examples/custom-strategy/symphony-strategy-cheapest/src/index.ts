import { defineStrategy, type AgentConfig, type JsonValue, type Schema } from '@symphony/core';

/** Options of the strategy. */
export interface CheapestOptions {
  /** The most that a task may cost. Who would cost more is not suitable. */
  readonly limit: number;
}

// Any Standard Schema will do here, such as Zod's `z.strictObject({ limit: z.number().positive() })`.
const options: Schema<CheapestOptions> = {
  '~standard': {
    version: 1,
    vendor: 'symphony-strategy-cheapest',
    validate(value) {
      const { limit, ...unknown } = value as Partial<Record<string, unknown>>;
      for (const key of Object.keys(unknown)) return { issues: [{ path: [key], message: 'there is no such option' }] };
      if (typeof limit === 'number' && limit > 0) return { value: { limit } };
      return { issues: [{ path: ['limit'], message: 'must be a number above 0' }] };
    },
  },
};

/**
 * Gives a task to the agent that does it for the least money. Agents say what they take in
 * `cost: { perTask, perKilobyte }`; who does not say is not suitable. Abstains if everybody is too dear.
 *
 * Configured as `routing: { strategy: ['cheapest', { limit: 2 }] }`.
 */
export default defineStrategy({
  name: 'cheapest',
  version: '1.0.0',
  options,
  create: ({ limit }) => ({
    rank({ task, candidates }) {
      const kilobytes = JSON.stringify(task.input).length / 1_000;
      return Array.from(candidates, (agent) => ({ agentId: agent.id, price: priceOf(agent, kilobytes) }))
        .filter(({ price }) => price <= limit)
        .sort((a, b) => a.price - b.price)
        .map(({ agentId, price }) => ({
          agentId,
          score: -price,
          reasons: [`would cost ${price.toFixed(2)}, at most ${limit} is allowed`],
        }));
    },
  }),
});

function priceOf({ cost }: AgentConfig, kilobytes: number): number {
  const { perTask, perKilobyte } = isObject(cost) ? cost : {};
  if (typeof perTask !== 'number' || typeof perKilobyte !== 'number') return Infinity;
  return perTask + kilobytes * perKilobyte;
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
