import {
  checkKeys,
  checkName,
  describe,
  SymphonyError,
  toAgentConfig,
  type AnyAgent,
  type AgentConfig,
  type AgentEntry,
  type Store,
  type SymphonyEvent,
} from '@symphony/core';
import { commitGroup } from './commands.ts';
import { readHistory } from './history.ts';
import { toPageQuery, type ListPage } from './list-input.ts';
import { toTrackerServices, type TrackerServices } from './services.ts';

/** Which agents to list. */
export interface ListAgents extends Pick<ListPage, 'after' | 'limit'> {
  readonly enabled?: boolean;
  /** Whether a live worker hosts it, or did so within the last minute. */
  readonly hosted?: boolean;
  /** Only agents that have this capability. */
  readonly capability?: string;
}

/** Keeps the catalogue: which agents there are, for routing and for everybody who looks. It runs none of them. */
export class AgentManager {
  readonly #store: Store;

  constructor(services: TrackerServices) {
    this.#store = toTrackerServices(services, 'AgentManager').store;
  }

  /**
   * Puts an agent into the catalogue, or changes its description: the newest registration counts, and the agent's log
   * says so. Whether it is enabled stays as it is.
   *
   * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`
   */
  async registerAgent(agent: AnyAgent | (Partial<AgentConfig> & { readonly id: string })): Promise<AgentConfig> {
    const config = toAgentConfig(agent);
    await commitGroup(this.#store, [{ type: 'registerAgent', config }]);
    return config;
  }

  /** The agent as the catalogue has it now; undefined if there is none of that id. */
  async getAgent(id: string): Promise<AgentEntry | undefined> {
    checkName(id, 'agent id');
    return (await this.#store.agents()).find(({ config }) => config.id === id);
  }

  /**
   * Agents in the order of their ids, a page at a time.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `INVALID_NAME`
   */
  async listAgents(query: ListAgents = {}): Promise<readonly AgentEntry[]> {
    checkKeys(query, ['enabled', 'hosted', 'capability', 'after', 'limit'], 'listAgents');
    const { enabled, hosted, capability, ...page } = query;
    const { after, limit } = toPageQuery(page, [], 'listAgents');
    for (const [name, value] of Object.entries({ enabled, hosted })) {
      if (value !== undefined && typeof value !== 'boolean')
        throw new SymphonyError('INVALID_ARGUMENT', `${name} must be true or false, got ${describe(value)}.`);
    }
    if (capability !== undefined) checkName(capability, 'capability');
    const all = await this.#store.agents();
    // By place and not by comparison: stores and JavaScript do not agree on the order of all characters.
    const place = all.findIndex(({ config }) => config.id === after);
    const rest =
      place < 0 ? all.filter(({ config }) => after === undefined || config.id > after) : all.slice(place + 1);
    const entries = rest.filter(
      (entry) =>
        (enabled === undefined || entry.enabled === enabled) &&
        (hosted === undefined || entry.hosted === hosted) &&
        (capability === undefined || entry.config.capabilities.includes(capability)),
    );
    return entries.slice(0, limit);
  }

  /**
   * Lets a disabled agent take tasks again.
   *
   * @throws SymphonyError `AGENT_NOT_FOUND`
   */
  enableAgent(id: string): Promise<AgentEntry> {
    return this.#enable(id, true);
  }

  /**
   * Keeps an agent from starting anything new, in every process. What it runs goes on; what it has not started is routed
   * anew, unless it was given to this agent by name.
   *
   * @throws SymphonyError `AGENT_NOT_FOUND`
   */
  disableAgent(id: string): Promise<AgentEntry> {
    return this.#enable(id, false);
  }

  /**
   * Takes an agent out of the catalogue. What it has not started is routed anew.
   *
   * @throws SymphonyError `AGENT_NOT_FOUND`, `AGENT_HOSTED`
   */
  async removeAgent(id: string): Promise<void> {
    await commitGroup(this.#store, [{ type: 'removeAgent', id: checkName(id, 'agent id') }]);
  }

  /**
   * Everything recorded of an agent of the catalogue, in order.
   *
   * @throws SymphonyError `AGENT_NOT_FOUND`
   */
  async history(id: string): Promise<readonly SymphonyEvent[]> {
    const events = await readHistory(this.#store, `agent:${checkName(id, 'agent id')}`);
    if (events.length === 0) throw notFound(id);
    return events;
  }

  async #enable(id: string, enabled: boolean): Promise<AgentEntry> {
    await commitGroup(this.#store, [{ type: 'enableAgent', id: checkName(id, 'agent id'), enabled }]);
    const agent = await this.getAgent(id);
    if (agent === undefined) throw notFound(id); // removed a moment later
    return agent;
  }
}

function notFound(agentId: string): SymphonyError {
  const message = `There is no agent "${agentId}" in the catalogue. Register it first.`;
  return new SymphonyError('AGENT_NOT_FOUND', message, { details: { agentId } });
}
