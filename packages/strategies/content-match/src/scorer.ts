import { seededRandom } from '@symphony/core';
import type { ContentIndex } from './content-index.ts';
import type { TaskWord } from './task-words.ts';

/** How soon more occurrences of a word in the task stop counting: BM25's k3, at which the second counts a third more. */
const k3 = 1;

/** An agent whose words match. */
export interface Match {
  readonly agentId: string;
  /** Share of the best score that any agent could have had for this task, from 0 to 1. */
  readonly score: number;
  /** What each word in common contributed to the score, as a share of it; the most first. */
  readonly words: readonly { readonly written: string; readonly share: number }[];
}

/**
 * Okapi BM25 over one set of candidates, in an index that may hold more agents than these. Formulas as in S. Robertson and
 * H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the rarity of a word as
 * ln(1 + (N − n + ½) / (n + ½)), which stays positive where most agents have the word.
 */
export class Scorer {
  readonly #index: ContentIndex;
  readonly #size: number;
  readonly #k1: number;
  /** 1 for slots of candidates; undefined if all are. */
  readonly #mask: Uint8Array | undefined;
  /** k1 · (1 − b + b · length / average length), by slot. */
  readonly #dampers: Float64Array;
  readonly #scores: Float64Array;

  /** @param slots of the candidates in the index */
  constructor(index: ContentIndex, slots: readonly number[], { k1, b }: { readonly k1: number; readonly b: number }) {
    const total = index.agentIds.length;
    this.#index = index;
    this.#size = slots.length;
    this.#k1 = k1;
    this.#scores = new Float64Array(total);
    this.#dampers = new Float64Array(total);
    this.#mask = slots.length === total ? undefined : new Uint8Array(total);
    const average = slots.reduce((sum, slot) => sum + index.lengths[slot]!, 0) / slots.length;
    for (const slot of slots) {
      this.#dampers[slot] = k1 * (1 - b + (b * index.lengths[slot]!) / average);
      if (this.#mask !== undefined) this.#mask[slot] = 1;
    }
  }

  /**
   * The best matches, the best first.
   *
   * @param seed decides between equals
   */
  rank(taskWords: readonly TaskWord[], limit: number, seed: string): Match[] {
    const weights = taskWords.map(({ word, count }) => (((k3 + 1) * count) / (k3 + count)) * this.#rarity(word));
    const slots = this.#score(taskWords, weights);
    const highest = weights.reduce((sum, weight) => sum + weight * (this.#k1 + 1), 0);
    const matches = this.#best(slots, limit, seed).map((slot) => ({
      agentId: this.#index.agentIds[slot]!,
      score: this.#scores[slot]! / highest,
      words: this.#explain(slot, taskWords, weights),
    }));
    for (const slot of slots) this.#scores[slot] = 0;
    return matches;
  }

  /** Fills the scores and answers with the slots that have one. */
  #score(taskWords: readonly TaskWord[], weights: readonly number[]): number[] {
    const { slots, counts } = this.#index;
    const scores = this.#scores;
    const scored: number[] = [];
    taskWords.forEach(({ word }, position) => {
      const { start, end } = this.#index.find(word);
      for (let place = start; place < end; place++) {
        const slot = slots[place]!;
        if (this.#mask?.[slot] === 0) continue;
        if (scores[slot] === 0) scored.push(slot);
        scores[slot]! += weights[position]! * this.#saturate(counts[place]!, slot);
      }
    });
    return scored;
  }

  #saturate(count: number, slot: number): number {
    return (count * (this.#k1 + 1)) / (count + this.#dampers[slot]!);
  }

  #rarity(word: string): number {
    const { start, end } = this.#index.find(word);
    let having = end - start;
    if (this.#mask !== undefined) {
      having = 0;
      for (let place = start; place < end; place++) having += this.#mask[this.#index.slots[place]!]!;
    }
    return Math.log(1 + (this.#size - having + 0.5) / (having + 0.5));
  }

  #best(slots: readonly number[], limit: number, seed: string): number[] {
    const draw = (slot: number): number => seededRandom(`${seed}:${this.#index.agentIds[slot]!}`)();
    const isBefore = (a: number, b: number): boolean => {
      const difference = this.#scores[a]! - this.#scores[b]!;
      return difference > 0 || (difference === 0 && draw(a) > draw(b));
    };
    const best: number[] = [];
    for (const slot of slots) {
      if (best.length === limit && !isBefore(slot, best[limit - 1]!)) continue;
      let place = best.length;
      while (place > 0 && isBefore(slot, best[place - 1]!)) place--;
      best.splice(place, 0, slot);
      best.length = Math.min(best.length, limit);
    }
    return best;
  }

  #explain(slot: number, taskWords: readonly TaskWord[], weights: readonly number[]): Match['words'] {
    return taskWords
      .map(({ word, written }, position) => {
        const count = this.#index.countOf(slot, word);
        const part = count === 0 ? 0 : weights[position]! * this.#saturate(count, slot);
        return { written, share: part / this.#scores[slot]! };
      })
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share);
  }
}
