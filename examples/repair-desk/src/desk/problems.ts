import type { Finding } from './compiler.ts';

/** What a task carries of a finding: the compiler's words, the code around, and enough to find it again later. */
export interface Problem {
  /** The name of its unit. */
  readonly package: string;
  /** Relative to the unit's root. */
  readonly file: string;
  /** From 1, when it was found; edits move it. */
  readonly line: number;
  readonly message: string;
  /** The words of code that the message points at. */
  readonly span: string;
  /** The line of code, without comments and outer white space. */
  readonly code: string;
  /** Tells equal messages on equal lines apart, from 0. */
  readonly ordinal: number;
}

/** A finding as the task that asks for its repair. */
export interface ProblemTask {
  readonly name: string;
  readonly description: string;
  readonly input: Problem;
}

/** From which likeness on two lines count as one that was edited. */
const alike = 0.6;

/** How many lines of code a task shows on either side of the one complained about. */
const around = 1;

/** Turns the findings of one file into problems. */
export function toProblems(packageName: string, file: string, text: string, findings: readonly Finding[]): Problem[] {
  const lines = new Lines(text);
  const seen = new Map<string, number>();
  return [...findings]
    .sort((a, b) => a.start - b.start)
    .map((finding) => {
      const line = lines.at(finding.start);
      const code = bare(lines.text(line));
      const key = `${code}\0${finding.message}`;
      const ordinal = seen.get(key) ?? 0;
      seen.set(key, ordinal + 1);
      const span = text.slice(finding.start, finding.start + finding.length);
      return {
        package: packageName,
        file,
        line: line + 1,
        message: finding.message,
        span: firstLine(span),
        code,
        ordinal,
      };
    });
}

/** The task for a problem: its text is what the compiler said and the code around it, and nothing else. */
export function toTask(problem: Problem, text: string): ProblemTask {
  const lines = new Lines(text);
  const at = problem.line - 1;
  const shown: string[] = [];
  for (let line = Math.max(0, at - around); line <= Math.min(lines.count - 1, at + around); line++) {
    shown.push(lines.text(line).trim().slice(0, 160));
  }
  return {
    name: plainName(`${problem.package}/${problem.file}:${problem.line}`),
    description: `${problem.message}\n\n${shown.join('\n')}`,
    input: problem,
  };
}

/** A text as the name of a task or a workflow: in one line, and its end if it is too long. */
export function plainName(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}]/gu, '_')
    .slice(-200)
    .trim();
}

/**
 * Finds a problem again among what the compiler says of its file now; `undefined` when it is gone. The same message on
 * the same line of code comes first, then the same message on a line that was edited but is still much like it.
 */
export function findAgain(problem: Problem, text: string, findings: readonly Finding[]): Finding | undefined {
  const lines = new Lines(text);
  const same = findings
    .filter(({ message }) => message === problem.message)
    .sort((a, b) => a.start - b.start)
    .map((finding) => ({ finding, code: bare(lines.text(lines.at(finding.start))) }));
  const exact = same.filter(({ code }) => code === problem.code);
  // One of two equal problems on a line may have been repaired: what is left is as good as the one asked for.
  if (exact.length > 0) return exact[Math.min(problem.ordinal, exact.length - 1)]?.finding;
  let best: { readonly finding: Finding; readonly likeness: number } | undefined;
  for (const { finding, code } of same) {
    const likeness = likenessOf(problem.code, code);
    if (likeness > alike && (best === undefined || likeness > best.likeness)) best = { finding, likeness };
  }
  return best?.finding;
}

/** Whether a problem is among those of a later look, though its line may have been moved or edited. */
export function isAmong(problem: Problem, later: readonly Problem[]): boolean {
  return later.some(
    ({ file, message, code }) =>
      file === problem.file && message === problem.message && likenessOf(code, problem.code) > alike,
  );
}

/** How much two lines of code have in common, from 0 to 1: Dice's coefficient over their words and signs. */
export function likenessOf(left: string, right: string): number {
  const a = wordsOf(left);
  const b = wordsOf(right);
  if (a.length + b.length === 0) return 1;
  const rest = new Map<string, number>();
  for (const word of a) rest.set(word, (rest.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of b) {
    const left = rest.get(word) ?? 0;
    if (left === 0) continue;
    rest.set(word, left - 1);
    shared++;
  }
  return (2 * shared) / (a.length + b.length);
}

/** Starts of lines, so that offsets become lines without counting anew. */
class Lines {
  readonly #starts: number[] = [0];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  get count(): number {
    return this.#starts.length;
  }

  /** The line, from 0, that holds an offset. */
  at(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The text of a line, without its end. */
  text(line: number): string {
    return this.#text.slice(this.#starts[line], this.#starts[line + 1] ?? this.#text.length).replace(/\r?\n$/, '');
  }
}

function bare(line: string): string {
  return line
    .replace(/\/\*.*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function wordsOf(code: string): string[] {
  return code.match(/[\w$]+|[^\s\w$]/g) ?? [];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, 120);
}
