import type { Draft, Scene } from '../code/scene.ts';

/** A specialised repairer: what the router reads about it, and how it drafts repairs. */
export interface Recipe {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly description: string;
  readonly capabilities: readonly string[];
  readonly examples: readonly string[];
  /** The compiler's messages that it knows what to do about; it gives away the others without a look at the code. */
  readonly about: RegExp;
  /** Ideas, the most precise first. Drawn one at a time, until the compiler likes one. */
  drafts(scene: Scene): Iterable<Draft>;
}
