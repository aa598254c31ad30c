import type { AgentConfig, Candidates } from '@symphony/core';

const nobody: ReadonlySet<string> = new Set();

/** Candidates as a view on a shared map, so that leaving out the few that refused does not copy the many. */
export class CandidateSet implements Candidates {
  readonly size: number;
  readonly #agents: ReadonlyMap<string, AgentConfig>;
  readonly #leftOut: ReadonlySet<string>;

  /**
   * @param agents by id, in the order of their ids
   * @param leftOut ids that are among `agents`
   */
  constructor(agents: ReadonlyMap<string, AgentConfig>, leftOut: ReadonlySet<string> = nobody) {
    this.#agents = agents;
    this.#leftOut = leftOut;
    this.size = agents.size - leftOut.size;
    Object.freeze(this);
  }

  has(agentId: string): boolean {
    return this.#agents.has(agentId) && !this.#leftOut.has(agentId);
  }

  get(agentId: string): AgentConfig | undefined {
    return this.#leftOut.has(agentId) ? undefined : this.#agents.get(agentId);
  }

  /** The same set without some of its agents; the set itself if none of them is in it. */
  without(agentIds: Iterable<string>): CandidateSet {
    const leftOut = new Set(this.#leftOut);
    for (const id of agentIds) if (this.#agents.has(id)) leftOut.add(id);
    return leftOut.size === this.#leftOut.size ? this : new CandidateSet(this.#agents, leftOut);
  }

  *[Symbol.iterator](): Iterator<AgentConfig> {
    for (const agent of this.#agents.values()) if (!this.#leftOut.has(agent.id)) yield agent;
  }
}
