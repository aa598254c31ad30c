import { codeFixes } from '../code/code-fixes.ts';
import type { Recipe } from './recipe.ts';

const kinds: ReadonlySet<string> = new Set([
  'addMissingAwait',
  'fixAwaitInSyncFunction',
  'fixReturnTypeInAsyncFunction',
  'addMissingAsync',
]);

/** Sees to it that promises are waited for. */
export const promises: Recipe = {
  id: 'promises',
  name: 'Promises',
  role: 'Puts async and await where they belong',
  description:
    'Puts async and await where they belong: a promise is used where its value is meant, await stands in a function that is not async, or an async function does not say that it returns a promise.',
  capabilities: ['async', 'await'],
  examples: [
    "Did you forget to use 'await'?",
    "'await' expressions are only allowed within async functions and at the top levels of modules",
    "The return type of an async function or method must be the global Promise<T> type. Did you mean to write 'Promise<number>'?",
    "'Promise<string>' is used where 'string' is wanted",
    "This condition will always return true since this 'Promise<boolean>' is always defined",
  ],
  about: /'await' expressions|to use 'await'|'for await'|of an async function|'Promise<.+>'/,
  *drafts(scene) {
    yield* codeFixes(scene, ({ fixName }) => kinds.has(fixName));
  },
};
