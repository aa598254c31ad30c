import type { AgentConfig, AgentEntry } from '@symphony/core';
import { screenAgents, type Screened } from './eligibility.ts';

/** How many different requirements a catalogue remembers the candidates of. */
const rememberedRequirements = 1_000;

/**
 * The agents as the router saw them at one moment: in the order of their ids, and frozen, since strategies get to see
 * them.
 */
export class AgentCatalogue {
  readonly entries: readonly AgentEntry[];
  /** The agents of the entries. */
  readonly agents: readonly AgentConfig[];
  readonly #byId: ReadonlyMap<string, AgentEntry>;
  readonly #fallbackId: string | undefined;
  readonly #screened = new Map<string, Screened>();

  constructor(entries: Iterable<AgentEntry>, fallbackId: string | undefined) {
    this.entries = [...entries].sort((a, b) => (a.config.id < b.config.id ? -1 : 1));
    this.agents = Object.freeze(this.entries.map(({ config }) => config));
    this.#byId = new Map(this.entries.map((entry) => [entry.config.id, entry]));
    this.#fallbackId = fallbackId;
  }

  get(agentId: string): AgentEntry | undefined {
    return this.#byId.get(agentId);
  }

  /** Who may take a task with these requirements. Tasks with the same requirements get the same object. */
  screen(required: readonly string[]): Screened {
    const key = JSON.stringify(required);
    let screened = this.#screened.get(key);
    if (screened === undefined) {
      if (this.#screened.size >= rememberedRequirements) this.#screened.clear();
      screened = screenAgents(this.entries, required, this.#fallbackId);
      this.#screened.set(key, screened);
    }
    return screened;
  }

  /**
   * The catalogue of a newer list. What has not changed stays the same object, and if nothing has, so does the catalogue:
   * strategies may then keep what they have made of it.
   */
  update(list: readonly AgentEntry[]): AgentCatalogue {
    let changed = list.length !== this.entries.length;
    const entries = list.map((entry) => {
      const known = this.#byId.get(entry.config.id);
      const config =
        known !== undefined && sameConfig(known.config, entry.config) ? known.config : freeze(entry.config);
      changed ||= config !== known?.config || known.enabled !== entry.enabled || known.hosted !== entry.hosted;
      return { config, enabled: entry.enabled, hosted: entry.hosted };
    });
    return changed ? new AgentCatalogue(entries, this.#fallbackId) : this;
  }
}

function sameConfig(a: AgentConfig, b: AgentConfig): boolean {
  return (
    a.name === b.name &&
    a.role === b.role &&
    a.description === b.description &&
    sameTexts(a.capabilities, b.capabilities) &&
    sameTexts(a.examples, b.examples) &&
    a.limits.concurrency === b.limits.concurrency &&
    sameJson(a.limits.timeouts, b.limits.timeouts) &&
    sameJson(a.cost, b.cost)
  );
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function freeze(config: AgentConfig): AgentConfig {
  return freezeDeep(structuredClone(config));
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) freezeDeep(member);
    Object.freeze(value);
  }
  return value;
}
