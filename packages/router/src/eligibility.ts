import type { AgentConfig, AgentEntry, Refusal } from '@symphony/core';
import { CandidateSet } from './candidate-set.ts';

/** Why an agent is no candidate. An agent counts under the first that applies. */
type Exclusion = 'fallback' | 'disabled' | 'not hosted' | 'lacks a capability' | 'refused';

/** How many agents were left out, by reason. */
type ExclusionCounts = { readonly [reason in Exclusion]?: number };

/** What the agents and a task's required capabilities alone decide; the same for every task with these requirements. */
export interface Screened {
  readonly candidates: CandidateSet;
  readonly excluded: ExclusionCounts;
  /** Who could take such a task now or later: enabled and capable, hosted or not; and the fallback agent. */
  readonly eventual: ReadonlySet<string>;
}

/** Who may take one task. */
export interface Eligible {
  readonly candidates: CandidateSet;
  readonly excluded: ExclusionCounts;
  /** Every agent that could ever take the task has refused it. */
  readonly exhausted: boolean;
}

/**
 * Sorts agents into candidates and those left out.
 *
 * @param entries in the order of their ids
 * @param required capabilities that a candidate must all have
 * @param fallbackId the agent that takes what nobody else does; it is no candidate
 */
export function screenAgents(
  entries: readonly AgentEntry[],
  required: readonly string[],
  fallbackId: string | undefined,
): Screened {
  const candidates = new Map<string, AgentConfig>();
  const excluded: { [reason in Exclusion]?: number } = {};
  const eventual = new Set<string>();
  for (const entry of entries) {
    const { id } = entry.config;
    const exclusion = findExclusion(entry, required, fallbackId);
    if (exclusion === undefined) candidates.set(id, entry.config);
    else excluded[exclusion] = (excluded[exclusion] ?? 0) + 1;
    if (entry.enabled && (id === fallbackId || isCapable(entry.config, required))) eventual.add(id);
  }
  return { candidates: new CandidateSet(candidates), excluded, eventual };
}

/** Leaves out the agents that have refused the task. */
export function leaveOutRefusers(screened: Screened, refusals: readonly Refusal[]): Eligible {
  if (refusals.length === 0) return { ...screened, exhausted: false };
  const refusers = new Set(refusals.map(({ agentId }) => agentId));
  const candidates = screened.candidates.without(refusers);
  const refused = screened.candidates.size - candidates.size;
  const left = [...screened.eventual].some((id) => !refusers.has(id));
  return {
    candidates,
    excluded: refused === 0 ? screened.excluded : { ...screened.excluded, refused },
    exhausted: !left,
  };
}

function findExclusion(
  { config, enabled, hosted }: AgentEntry,
  required: readonly string[],
  fallbackId: string | undefined,
): Exclusion | undefined {
  if (config.id === fallbackId) return 'fallback';
  if (!enabled) return 'disabled';
  if (!hosted) return 'not hosted';
  return isCapable(config, required) ? undefined : 'lacks a capability';
}

function isCapable({ capabilities }: AgentConfig, required: readonly string[]): boolean {
  return required.every((capability) => capabilities.includes(capability));
}
