import {
  decisionCandidates,
  defineStrategy,
  RoutingStrategies,
  type AgentConfig,
  type Candidates,
} from '@symphony/core';
import { countAgentWords, type AgentWords } from './agent-words.ts';
import { ContentIndex } from './content-index.ts';
import { contentMatchOptions, type ContentMatchOptions } from './options.ts';
import { Scorer, type Match } from './scorer.ts';
import { listTaskWords } from './task-words.ts';

/** How many words a reason names. */
const namedWords = 5;

/**
 * Ranks agents by the words they have in common with the task: its name, tags, description and the strings in its input,
 * against their name, role, description, capabilities and examples. Rare words count more (BM25). Knows words, not
 * meanings: `bill` does not find `invoice` unless an example says so. Abstains if no agent reaches `minScore`.
 *
 * @example
 * router.setStrategy('content-match');
 * router.setStrategy(['content-match', { minScore: 0.1, weights: { examples: 2 } }]);
 */
export const contentMatch = defineStrategy({
  name: RoutingStrategies.ContentMatch,
  version: '1',
  options: contentMatchOptions,
  create(options) {
    const scorers = createScorers(options);
    return {
      rank: ({ task, candidates, random }) =>
        scorers(candidates)
          .rank(listTaskWords(task), decisionCandidates, String(random()))
          .filter(({ score }) => score >= options.minScore)
          .map((match) => ({ agentId: match.agentId, score: match.score, reasons: [explain(match)] })),
    };
  },
});

/**
 * Scorers by set of candidates. A set that is part of the newest index uses it; any other gets an index of its own. What an
 * agent's words are is counted once for as long as its configuration is the same object.
 */
function createScorers(options: ContentMatchOptions): (candidates: Candidates) => Scorer {
  const agentWords = new WeakMap<AgentConfig, AgentWords>();
  const scorers = new WeakMap<Candidates, Scorer>();
  let newest = new ContentIndex([]);

  const wordsOf = (agent: AgentConfig): AgentWords => {
    const words = agentWords.get(agent) ?? countAgentWords(agent, options.weights);
    agentWords.set(agent, words);
    return words;
  };
  return (candidates) => {
    let scorer = scorers.get(candidates);
    if (scorer === undefined) {
      let slots = newest.slotsOf(candidates);
      if (slots === undefined) {
        newest = new ContentIndex(Array.from(candidates, wordsOf));
        slots = [...newest.agentIds.keys()];
      }
      scorer = new Scorer(newest, slots, options);
      scorers.set(candidates, scorer);
    }
    return scorer;
  };
}

function explain({ words }: Match): string {
  const named = words.slice(0, namedWords).map(({ written, share }) => `${written} ${Math.round(share * 100)} %`);
  const others = words.length - named.length;
  return `words in common: ${named.join(', ')}${others === 0 ? '' : ` and ${others} more`}`;
}
