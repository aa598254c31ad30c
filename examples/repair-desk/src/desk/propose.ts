import type { Recipe } from '../agents/recipe.ts';
import { openScene, type Draft } from '../code/scene.ts';
import type { Finding } from './compiler.ts';
import type { Desk } from './desk.ts';
import { applyChanges } from './edits.ts';
import { judge } from './judge.ts';
import type { Edit } from './ledger.ts';
import { findAgain, type Problem } from './problems.ts';

/** What an agent has thought of. */
export type Proposal =
  | { readonly kind: 'gone' }
  | { readonly kind: 'nothing'; readonly reason: string }
  | { readonly kind: 'edit'; readonly edit: Edit; readonly how: string };

/** How many drafts an agent may try before it gives a task away. */
const mostDrafts = 5;

/** Looks for the problem in the code as it is now, and for an edit that would repair it. */
export function propose(recipe: Recipe, desk: Desk, editId: string, problem: Problem): Proposal {
  const { compiler } = desk;
  const path = desk.path(problem.file);
  const finding = findAgain(problem, compiler.text(path), desk.findings(problem.file));
  if (finding === undefined) return { kind: 'gone' };
  const scene = openScene(compiler, finding);
  const drafts = scene === undefined ? [] : take(recipe.drafts(scene), mostDrafts);
  if (drafts.length === 0) return { kind: 'nothing', reason: 'it has no idea what to change here' };
  // The only one goes straight to the desk: the verdict there is the real one.
  const draft = drafts.length === 1 ? drafts[0] : best(desk, drafts, finding);
  if (draft === undefined)
    return { kind: 'nothing', reason: `none of its ${drafts.length} drafts lowers the error count` };
  return { kind: 'edit', edit: desk.edit(editId, draft.file, draft.changes, problem.message), how: draft.title };
}

/**
 * Of several drafts the first that looks good to the compiler in the files it concerns. They are tried in memory only;
 * the whole project has its say once the draft is on the desk.
 */
function best(desk: Desk, drafts: readonly Draft[], finding: Finding): Draft | undefined {
  const { compiler } = desk;
  return drafts.find((draft) => {
    const within = [...new Set([draft.file, finding.file])];
    const before = compiler.check().filter(({ file }) => within.includes(file));
    const after = compiler.try(draft.file, applyChanges(compiler.text(draft.file), draft.changes), within);
    return judge(draft.file, before, after, finding).kept;
  });
}

function take<T>(items: Iterable<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === most) break;
  }
  return taken;
}
