import { codeFixes } from '../code/code-fixes.ts';
import type { Recipe } from './recipe.ts';

/** Corrects names that are almost right. */
export const spelling: Recipe = {
  id: 'spelling',
  name: 'Spelling',
  role: 'Corrects misspelled names',
  description:
    'Corrects misspelled names and typos where the compiler knows one that is nearly the same and asks: did you mean that one?',
  capabilities: ['names', 'typos'],
  examples: [
    "Did you mean 'length'?",
    "Has no exported member. Did you mean 'parse'?",
    "Did you mean the instance member 'this.count'?",
    "Did you mean to write 'color'?",
  ],
  about: /Did you mean (to write |the (instance|static) member )?'/,
  *drafts(scene) {
    yield* codeFixes(scene, ({ fixName }) => fixName === 'spelling' || fixName === 'forgottenThisPropertyAccess');
  },
};
