/** One replacement in a text: everything from `start` to `end` becomes `text`. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Puts changes in reading order; changes that overlap are a mistake of the caller. */
export function inOrder(changes: readonly Change[]): Change[] {
  const sorted = [...changes].sort((a, b) => a.start - b.start || a.end - b.end);
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]!.start < sorted[i - 1]!.end) throw new RangeError('Changes overlap');
  }
  return sorted;
}

/** The text after all changes, whose offsets speak of the text before any of them. */
export function applyChanges(text: string, changes: readonly Change[]): string {
  let result = '';
  let from = 0;
  for (const change of inOrder(changes)) {
    result += text.slice(from, change.start) + change.text;
    from = change.end;
  }
  return result + text.slice(from);
}

/** The changes that lead back: `applyChanges(applyChanges(text, c), invertChanges(text, c))` is `text`. */
export function invertChanges(text: string, changes: readonly Change[]): Change[] {
  let shift = 0;
  return inOrder(changes).map((change) => {
    const start = change.start + shift;
    shift += change.text.length - (change.end - change.start);
    return { start, end: start + change.text.length, text: text.slice(change.start, change.end) };
  });
}
