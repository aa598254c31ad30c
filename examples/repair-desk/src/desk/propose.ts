import type { Recipe } from '../agents/recipe.ts';
import { openScene, type Draft } from '../code/scene.ts';
import type { Bench } from './bench.ts';
import type { Finding } from './compiler.ts';
import { applyChanges } from './edits.ts';
import { diffLines } from './diff-lines.ts';
import { judge } from './judge.ts';
import type { Edit } from './ledger.ts';
import { findAgain, type Problem } from './problems.ts';

/** What an agent has thought of. */
export type Proposal =
  | { readonly kind: 'gone' }
  | { readonly kind: 'nothing'; readonly reason: string }
  | { readonly kind: 'edit'; readonly edit: Edit; readonly how: string; readonly diff: readonly string[] };

/** How many drafts an agent may try before it gives a task away. */
const mostDrafts = 5;

/** Looks for the problem in the code as the bench has it, and for an edit that would repair it. */
export function propose(recipe: Recipe, bench: Bench, editId: string, problem: Problem): Proposal {
  const { compiler } = bench;
  const finding = findAgain(problem, compiler.text(bench.path(problem.file)), bench.findings(problem.file));
  if (finding === undefined) return { kind: 'gone' };
  const scene = openScene(compiler, finding);
  const drafts = scene === undefined ? [] : take(recipe.drafts(scene), mostDrafts);
  if (drafts.length === 0) return { kind: 'nothing', reason: 'it has no idea what to change here' };
  // The only one goes straight to the desk: the verdict there is the real one.
  const draft = drafts.length === 1 ? drafts[0] : best(bench, drafts, finding);
  if (draft === undefined)
    return { kind: 'nothing', reason: `none of its ${drafts.length} drafts lowers the error count` };
  const edit = bench.edit(editId, draft.file, draft.changes, problem.message);
  const text = compiler.text(draft.file);
  return { kind: 'edit', edit, how: draft.title, diff: diffLines(text, applyChanges(text, edit.changes)) };
}

/**
 * Of several drafts the first that looks good to the compiler in the files it concerns. They are tried in memory only;
 * the whole unit has its say once the draft is on the desk.
 */
function best({ compiler, mayReveal }: Bench, drafts: readonly Draft[], target: Finding): Draft | undefined {
  return drafts.find(({ file, changes }) => {
    const within = [...new Set([file, target.file])];
    const before = compiler.check(within);
    const after = compiler.try(file, applyChanges(compiler.text(file), changes), within);
    return judge({ edited: file, target, before, after, mayReveal }).kept;
  });
}

/** Drafts that would change nothing, or a file that is not the unit's, are no drafts. */
function take(drafts: Iterable<Draft>, most: number): Draft[] {
  const taken: Draft[] = [];
  for (const draft of drafts) {
    if (draft.changes.length === 0) continue;
    taken.push(draft);
    if (taken.length === most) break;
  }
  return taken;
}
