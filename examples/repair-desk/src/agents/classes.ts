import { codeFixes } from '../code/code-fixes.ts';
import type { Recipe } from './recipe.ts';

const kinds: ReadonlySet<string> = new Set([
  'fixOverrideModifier',
  'constructorForDerivedNeedSuperCall',
  'classSuperMustPrecedeThisAccess',
  'extendsInterfaceBecomesImplements',
]);

/** Makes classes say what they do. */
export const classes: Recipe = {
  id: 'classes',
  name: 'Classes',
  role: 'Puts classes in order',
  description:
    'Puts classes in order: members that override one of the base class get an override modifier, fields that no constructor sets are declared to be undefined at first, derived constructors call super.',
  capabilities: ['classes', 'inheritance'],
  examples: [
    "This member must have an 'override' modifier because it overrides a member in the base class 'Shape'",
    "This member cannot have an 'override' modifier because it is not declared in the base class",
    "Property 'name' has no initializer and is not definitely assigned in the constructor",
    "Constructors for derived classes must contain a 'super' call",
  ],
  about:
    /'override' modifier|is not definitely assigned in the constructor|'super' (call|must be called)|Did you mean 'implements'/,
  *drafts(scene) {
    // Of the ideas about a field that is not set only one invents neither a value nor a certainty.
    yield* codeFixes(
      scene,
      ({ fixName, description }) => kinds.has(fixName) || description.startsWith("Add 'undefined' type"),
    );
  },
};
