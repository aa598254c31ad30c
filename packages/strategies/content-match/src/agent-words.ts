import type { AgentConfig } from '@symphony/core';
import type { FieldWeights } from './options.ts';
import { eachWord } from './words.ts';

/** The words of one agent. */
export interface AgentWords {
  readonly agent: AgentConfig;
  /** How often each word occurs, an occurrence counting as much as its field weighs. */
  readonly counts: ReadonlyMap<string, number>;
  /** The sum of the counts. */
  readonly length: number;
}

/** Counts the words of an agent's fields into one, as BM25F does it (Robertson, Zaragoza and Taylor, CIKM 2004). */
export function countAgentWords(agent: AgentConfig, weights: FieldWeights): AgentWords {
  const counts = new Map<string, number>();
  let length = 0;
  const add = (text: string, weight: number): void => {
    if (weight === 0) return;
    eachWord(text, (word) => {
      counts.set(word, (counts.get(word) ?? 0) + weight);
      length += weight;
    });
  };
  add(agent.name, weights.name);
  add(agent.role, weights.role);
  add(agent.description, weights.description);
  for (const capability of agent.capabilities) add(capability, weights.capabilities);
  for (const example of agent.examples) add(example, weights.examples);
  return { agent, counts, length };
}
