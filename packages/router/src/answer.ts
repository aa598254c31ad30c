import { describe, SymphonyError, type Candidates, type Ranked } from '@symphony/core';

/** Reasons kept of one ranked agent, and characters kept of one reason: they are stored with every decision. */
const reasonLimits = { count: 8, length: 300 };

/**
 * Checks what a strategy answered and puts it in order: the highest score first, equal scores as they were returned.
 *
 * @throws SymphonyError `STRATEGY_INVALID_ANSWER`
 */
export function checkAnswer(answer: unknown, candidates: Candidates, strategy: string): Ranked[] {
  if (!Array.isArray(answer))
    throw refuse(strategy, `it answered ${describe(answer)}. Return an array, empty to abstain.`);
  const seen = new Set<string>();
  const ranked = Array.from(answer, (item: unknown, index) => {
    const checked = checkRanked(item, `[${index}]`, strategy);
    const { agentId } = checked;
    if (!candidates.has(agentId)) {
      throw refuse(
        strategy,
        `[${index}] names agent ${describe(agentId)}, which is no candidate. Answer with ids from request.candidates.`,
      );
    }
    if (seen.has(agentId))
      throw refuse(strategy, `it ranks agent "${agentId}" twice. Name each candidate at most once.`);
    seen.add(agentId);
    return checked;
  });
  return ranked.sort((a, b) => b.score - a.score);
}

function checkRanked(item: unknown, where: string, strategy: string): Ranked {
  if (typeof item !== 'object' || item === null) {
    throw refuse(strategy, `${where} is ${describe(item)}. Each item is { agentId, score, reasons }.`);
  }
  const { agentId, score, confidence, reasons } = item as { readonly [key in keyof Ranked]?: unknown };
  if (typeof agentId !== 'string')
    throw refuse(strategy, `${where}.agentId is ${describe(agentId)}. It must be a candidate's id.`);
  if (typeof score !== 'number' || !Number.isFinite(score)) {
    throw refuse(
      strategy,
      `${where}.score of agent ${describe(agentId)} is ${describe(score)}. It must be a finite number.`,
    );
  }
  if (confidence !== undefined && !isProbability(confidence)) {
    throw refuse(
      strategy,
      `${where}.confidence of agent ${describe(agentId)} is ${describe(confidence)}. It must be from 0 to 1, or left out.`,
    );
  }
  if (!isTexts(reasons)) {
    throw refuse(
      strategy,
      `${where}.reasons of agent ${describe(agentId)} must be an array of at least one text that is not empty.`,
    );
  }
  return { agentId, score, ...(confidence === undefined ? {} : { confidence }), reasons: cut(reasons) };
}

function isProbability(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string' && text !== '');
}

function cut(reasons: readonly string[]): string[] {
  const { count, length } = reasonLimits;
  return reasons.slice(0, count).map((reason) => (reason.length > length ? `${reason.slice(0, length)}…` : reason));
}

function refuse(strategy: string, problem: string): SymphonyError {
  return new SymphonyError('STRATEGY_INVALID_ANSWER', `Strategy "${strategy}": ${problem}`, { details: { strategy } });
}
