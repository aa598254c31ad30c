import {
  decisionCandidates,
  toTaskError,
  type AgentEntry,
  type NoRoute,
  type Ranked,
  type RouteAnswer,
  type RoutingDecision,
  type Task,
} from '@symphony/core';
import type { Reply } from './ask-strategy.ts';
import type { Eligible } from './eligibility.ts';

/** All that an answer is made of. */
export interface Findings {
  readonly task: Task;
  readonly eligible: Eligible;
  readonly strategy: string;
  /** What the strategy said; undefined if it was not asked, as there were no candidates. */
  readonly reply: Reply | undefined;
  readonly fallbackId: string | undefined;
  /** The fallback agent, if it is known. */
  readonly fallback: AgentEntry | undefined;
  readonly agents: number;
  readonly now: number;
}

/** Why the strategy did not decide. */
interface Undecided {
  readonly reason: string;
  readonly code?: Exclude<NoRoute['code'], 'NO_ROUTE'>;
}

/** Makes the router's answer: the best-ranked agent, else the fallback agent, else nobody and why. */
export function conclude(findings: Findings): RouteAnswer {
  const { reply, fallbackId, eligible } = findings;
  const ranked = reply !== undefined && 'ranked' in reply ? reply.ranked : [];
  if (ranked[0] !== undefined) return { decision: makeDecision(findings, ranked[0].agentId, ranked) };

  const undecided = whyUndecided(findings);
  const hindrance = whyNotFallback(findings);
  if (fallbackId !== undefined && hindrance === undefined) {
    return { decision: { ...makeDecision(findings, fallbackId, []), fallback: undecided } };
  }
  const reason = [undecided.reason, hindrance, ...listRefusals(findings.task)].join(' ');
  return { noRoute: { code: undecided.code ?? 'NO_ROUTE', reason, final: eligible.exhausted } };
}

function makeDecision(
  { eligible, strategy, reply, now }: Findings,
  agentId: string,
  ranked: readonly Ranked[],
): RoutingDecision {
  const version = reply !== undefined && 'version' in reply ? reply.version : undefined;
  return {
    agentId,
    strategy,
    ...(version !== undefined && { strategyVersion: version }),
    candidates: ranked.slice(0, decisionCandidates),
    considered: eligible.candidates.size,
    excluded: { ...eligible.excluded },
    decidedAt: now,
  };
}

function whyUndecided(findings: Findings): Undecided {
  const { reply, strategy, eligible } = findings;
  if (reply === undefined) return { reason: whyNoCandidates(findings) };
  if ('ranked' in reply) {
    return { reason: `Strategy "${strategy}" found none of ${eligible.candidates.size} candidates suitable.` };
  }
  const { message } = toTaskError(reply.error, 0);
  const reason = reply.code === 'STRATEGY_FAILED' ? `Strategy "${strategy}" failed: ${message}` : message;
  return { reason: asSentence(reason.slice(0, reasonLimit)), code: reply.code };
}

/** Characters kept of what a strategy threw: the decision is stored. */
const reasonLimit = 500;

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function whyNoCandidates({ agents, eligible, task }: Findings): string {
  if (agents === 0) return 'No agent is known.';
  const { fallback = 0, ...excluded } = eligible.excluded;
  if (agents === fallback) return 'No agent beside the fallback agent is known.';
  const required = task.requirements.capabilities ?? [];
  const counts = Object.entries(excluded).map(([reason, count]) => `${reason}: ${count}`);
  const needed =
    'lacks a capability' in excluded ? ` It requires ${required.map((name) => `"${name}"`).join(', ')}.` : '';
  return `None of ${agents - fallback} agents can take the task (${counts.join(', ')}).${needed}`;
}

function whyNotFallback({ fallbackId, fallback, task }: Findings): string | undefined {
  if (fallbackId === undefined) return 'There is no fallback agent.';
  const name = `The fallback agent "${fallbackId}"`;
  if (fallback === undefined) return `${name} is not registered.`;
  if (!fallback.enabled) return `${name} is disabled.`;
  if (task.refusedBy.some(({ agentId }) => agentId === fallbackId)) return `${name} has refused it too.`;
  return fallback.hosted ? undefined : `${name} is not hosted.`;
}

function listRefusals({ refusedBy }: Task): string[] {
  if (refusedBy.length === 0) return [];
  return [`Refused by ${refusedBy.map(({ agentId, reason }) => `"${agentId}": ${reason}`).join('; ')}.`];
}
