import type { Finding } from './compiler.ts';

/** What the compiler thinks of an edit. */
export interface Verdict {
  readonly kept: boolean;
  readonly before: number;
  readonly after: number;
  /** Why not, in words; empty when kept. */
  readonly reason: string;
}

/** What an edit is judged by. */
export interface Case {
  /** The file that it changes. */
  readonly edited: string;
  /** The message that it was made for. */
  readonly target: Pick<Finding, 'message'>;
  readonly before: readonly Finding[];
  readonly after: readonly Finding[];
  /** Whether it may bring other errors of the same file to light. */
  readonly mayReveal: boolean;
}

/**
 * The rule an edit must pass: fewer errors in the whole unit than without it, the one it was made for among those that
 * went, no other file worse off, and, unless it may reveal some, no error that was not there before.
 */
export function judge({ edited, target, before, after, mayReveal }: Case): Verdict {
  const counts = { before: before.length, after: after.length };
  const turnDown = (reason: string): Verdict => ({ kept: false, ...counts, reason });
  if (after.length >= before.length) return turnDown(`${before.length} errors before, ${after.length} after`);
  for (const [file, count] of countByFile(after)) {
    if (file !== edited && count > (countByFile(before).get(file) ?? 0)) return turnDown(`it adds errors in ${file}`);
  }
  const saying = (findings: readonly Finding[]): number =>
    findings.filter(({ message }) => message === target.message).length;
  if (saying(after) >= saying(before)) return turnDown('the error it was made for is still there');
  const fresh = mayReveal ? undefined : firstNew(before, after);
  if (fresh !== undefined) return turnDown(`it brings a new error: ${fresh.message.split('\n', 1)[0]!}`);
  return { kept: true, ...counts, reason: '' };
}

/** An error that the files did not have, or not as often. An edit moves lines, so that the place tells nothing. */
function firstNew(before: readonly Finding[], after: readonly Finding[]): Finding | undefined {
  const known = new Map<string, number>();
  const key = ({ file, message }: Finding): string => `${file}\0${message}`;
  for (const finding of before) known.set(key(finding), (known.get(key(finding)) ?? 0) + 1);
  return after.find((finding) => {
    const left = (known.get(key(finding)) ?? 0) - 1;
    known.set(key(finding), left);
    return left < 0;
  });
}

function countByFile(findings: readonly Finding[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { file } of findings) counts.set(file, (counts.get(file) ?? 0) + 1);
  return counts;
}
