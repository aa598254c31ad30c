import type { JsonValue, Task } from '@symphony/core';
import { eachWord } from './words.ts';

/** How much of a task is read, in characters: what it is about shows early, and deciding must stay quick. */
const readLimit = 20_000;

/** A word of a task. */
export interface TaskWord {
  readonly word: string;
  /** As it stands in the task, for people. */
  readonly written: string;
  count: number;
}

/** The words of a task's name, tags, description and the strings in its input. */
export function listTaskWords({ name, tags, description, input }: Task): TaskWord[] {
  const words = new Map<string, TaskWord>();
  let left = readLimit;
  for (const text of texts([name, tags, description, input])) {
    eachWord(text.slice(0, left), (word, written) => {
      const known = words.get(word);
      if (known === undefined) words.set(word, { word, written, count: 1 });
      else known.count++;
    });
    left -= text.length;
    if (left <= 0) break;
  }
  return [...words.values()];
}

function* texts(value: JsonValue | undefined): Iterable<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values<JsonValue>(value)) yield* texts(member);
}
