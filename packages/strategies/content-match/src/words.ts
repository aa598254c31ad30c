import { stem } from './stem.ts';
import { isStopWord } from './stop-words.ts';

/** Longer runs of letters are no words but data: hashes, keys, encoded bytes. */
const longestWord = 40;

/**
 * Calls back for every word of a text: in the form in which words are compared (lower case, without accents, stemmed) and
 * as it was written. Identifiers count as the words they are made of, so `parseHTTPHeader` is parse, HTTP and Header. Stop
 * words are left out.
 */
export function eachWord(text: string, callback: (word: string, written: string) => void): void {
  for (const [written] of separate(text).matchAll(/[\p{L}\p{N}]+/gu)) {
    const lower = written.toLowerCase();
    if (lower.length <= longestWord && !isStopWord(lower)) callback(stem(lower), written);
  }
}

function separate(text: string): string {
  const plain = /[^\0-\x7f]/.test(text) ? text.normalize('NFKD').replace(/\p{M}+/gu, '') : text;
  return plain
    .replace(/(?<=\p{L})['’](?=\p{L})/gu, '')
    .replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, ' ');
}
