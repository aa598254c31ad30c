import type { Finding } from './compiler.ts';

/** What the compiler thinks of an edit. */
export interface Verdict {
  readonly kept: boolean;
  readonly before: number;
  readonly after: number;
  /** Why not, in words; empty when kept. */
  readonly reason: string;
}

/**
 * The rule an edit must pass: fewer errors in the whole project than without it, the one it was made for among those
 * that went, and no other file worse off.
 */
export function judge(
  edited: string,
  before: readonly Finding[],
  after: readonly Finding[],
  target: Pick<Finding, 'message'>,
): Verdict {
  const counts = { before: before.length, after: after.length };
  const turnDown = (reason: string): Verdict => ({ kept: false, ...counts, reason });
  if (after.length >= before.length) return turnDown(`${before.length} errors before, ${after.length} after`);
  for (const [file, count] of countByFile(after)) {
    if (file !== edited && count > (countByFile(before).get(file) ?? 0)) return turnDown(`it adds errors in ${file}`);
  }
  const saying = (findings: readonly Finding[]): number =>
    findings.filter(({ message }) => message === target.message).length;
  if (saying(after) >= saying(before)) return turnDown('the error it was made for is still there');
  return { kept: true, ...counts, reason: '' };
}

function countByFile(findings: readonly Finding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { file } of findings) counts.set(file, (counts.get(file) ?? 0) + 1);
  return counts;
}
