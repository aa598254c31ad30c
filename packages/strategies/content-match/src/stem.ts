/**
 * Cuts the endings of English plurals, past and present forms, so that `routes`, `routed` and `routing` are one word. Light:
 * what it leaves need not be a word, and it rather misses a pair than joins what does not belong together.
 */
export function stem(word: string): string {
  return trimEnd(trimVerb(trimPlural(word)));
}

function trimPlural(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && /(s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith('s') && !/(s|u|i)s$/.test(word)) return word.slice(0, -1);
  return word;
}

function trimVerb(word: string): string {
  for (const ending of ['ing', 'ed']) {
    const stump = word.slice(0, -ending.length);
    if (stump.length > 2 && word.endsWith(ending) && /[aeiouy]/.test(stump)) {
      return stump.replace(/([bdfgmnprt])\1$/, '$1'); // running: run
    }
  }
  return word;
}

/** Puts `route` with `rout`, and `apply` with `appli`. */
function trimEnd(word: string): string {
  if (word.length > 4 && word.endsWith('e')) return word.slice(0, -1);
  if (word.length > 4 && word.endsWith('y')) return `${word.slice(0, -1)}i`;
  return word;
}
