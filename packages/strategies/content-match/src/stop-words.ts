// Short on purpose: question words and pronouns tell requests apart ("how do I …", "where is my …").
const stopWords: ReadonlySet<string> = new Set(
  `a an and are as at be been being but by do does for from had has have if in into is it its of on or so than that the
  their them then there these they this those to too was were which will with would`.split(/\s+/),
);

/** Whether a word, in lower case, is so common that it says nothing about a task. */
export function isStopWord(word: string): boolean {
  return stopWords.has(word);
}
