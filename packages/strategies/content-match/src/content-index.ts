import type { Candidates } from '@symphony/core';
import type { AgentWords } from './agent-words.ts';

/** An inverted index of agents' words: for each word, the agents that have it, in one stretch of two flat arrays. */
export class ContentIndex {
  /** Ids by slot, the number that an agent has in this index. */
  readonly agentIds: readonly string[];
  /** Sum of an agent's counts, by slot. */
  readonly lengths: Float64Array;
  /** Slots of the agents that have a word, and its count there; {@link find} says which stretch is whose. */
  readonly slots: Int32Array;
  readonly counts: Float64Array;
  readonly #members: readonly AgentWords[];
  readonly #slotOf: ReadonlyMap<string, number>;
  readonly #wordNumbers = new Map<string, number>();
  readonly #starts: Int32Array;

  constructor(members: readonly AgentWords[]) {
    this.agentIds = members.map(({ agent }) => agent.id);
    this.lengths = Float64Array.from(members, ({ length }) => length);
    this.#members = members;
    this.#slotOf = new Map(this.agentIds.map((id, slot) => [id, slot]));

    const sizes: number[] = [];
    for (const { counts } of members) {
      for (const word of counts.keys()) {
        const number = this.#wordNumbers.get(word) ?? this.#wordNumbers.size;
        this.#wordNumbers.set(word, number);
        sizes[number] = (sizes[number] ?? 0) + 1;
      }
    }
    this.#starts = new Int32Array(sizes.length + 1);
    sizes.forEach((size, number) => (this.#starts[number + 1] = this.#starts[number]! + size));

    const total = this.#starts[sizes.length]!;
    this.slots = new Int32Array(total);
    this.counts = new Float64Array(total);
    const next = this.#starts.slice();
    members.forEach(({ counts }, slot) => {
      for (const [word, count] of counts) {
        const place = next[this.#wordNumbers.get(word)!]!++;
        this.slots[place] = slot;
        this.counts[place] = count;
      }
    });
  }

  /** The stretch of {@link slots} and {@link counts} that belongs to a word; empty for a word that no agent has. */
  find(word: string): { readonly start: number; readonly end: number } {
    const number = this.#wordNumbers.get(word);
    return number === undefined ? nothing : { start: this.#starts[number]!, end: this.#starts[number + 1]! };
  }

  /** The slots of candidates, or undefined if one of them is not in the index as it is now. */
  slotsOf(candidates: Candidates): number[] | undefined {
    const slots: number[] = [];
    for (const agent of candidates) {
      const slot = this.#slotOf.get(agent.id);
      if (slot === undefined || this.#members[slot]!.agent !== agent) return undefined;
      slots.push(slot);
    }
    return slots;
  }

  /** How often an agent has a word, weighted. */
  countOf(slot: number, word: string): number {
    return this.#members[slot]!.counts.get(word) ?? 0;
  }
}

const nothing = { start: 0, end: 0 };
