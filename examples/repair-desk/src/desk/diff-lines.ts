import { structuredPatch } from 'diff';

/** The most lines that are kept of one repair; a report is read by people. */
const mostLines = 24;

/** What a change does to a text, as the lines of a unified diff without headings: a line number in `@@`, then ` `, `-`, `+`. */
export function diffLines(before: string, after: string): string[] {
  const { hunks } = structuredPatch('a', 'a', before, after, undefined, undefined, { context: 1 });
  const lines = hunks.flatMap(({ newStart, lines: own }) => [
    `@@ ${newStart}`,
    ...own.map((line) => line.slice(0, 200)),
  ]);
  const plain = lines.filter((line) => !line.startsWith('\\'));
  return plain.length <= mostLines
    ? plain
    : [...plain.slice(0, mostLines), `@@ and ${plain.length - mostLines} more lines`];
}
