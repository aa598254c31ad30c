import ts from 'typescript';
import { annotateThis, isTypeScript } from '../code/annotations.ts';
import { docHost, noteTag } from '../code/jsdoc.ts';
import { nearest, walk, type Draft, type Scene } from '../code/scene.ts';
import { Speaker } from '../code/speak.ts';
import { isAssignment, prototypeOf, prototypeOwner, thisFunctionOf } from '../code/syntax.ts';
import type { Recipe } from './recipe.ts';

/** Says what `this` is inside plain functions. */
export const context: Recipe = {
  id: 'this-context',
  name: 'This context',
  role: 'Types this inside functions',
  description:
    'Finds out what this stands for, where this implicitly has type any because it does not have a type annotation: what it is put on, or what it is called with.',
  capabilities: ['this'],
  examples: [
    "'this' implicitly has type 'any' because it does not have a type annotation",
    "An outer value of 'this' is shadowed by this container",
  ],
  about: /^'this' implicitly has type/,
  *drafts(scene) {
    const around = thisFunctionOf(scene.node);
    if (around === undefined) return;
    for (const type of new Set(ownersOf(scene, around))) yield* thisNoted(scene, around, type);
  },
};

/** Drafts that note a type of `this` on a function. */
export function* thisNoted(scene: Scene, around: ts.SignatureDeclaration, type: string): Generator<Draft> {
  const { source } = scene;
  const host = docHost(around);
  const title = `this: ${type}`;
  if (isTypeScript(source)) {
    yield { title, file: source.fileName, changes: annotateThis(around, type) };
    return;
  }
  if (host !== undefined) {
    yield { title, file: source.fileName, changes: noteTag(source, host, `@this {${type}}`) };
    return;
  }
  const start = around.getStart(source);
  yield { title, file: source.fileName, changes: [{ start, end: start, text: `/** @this {${type}} */ ` }] };
}

/** The types that `this` may have in a function, by where the function is put and what it is called with. */
export function* ownersOf(scene: Scene, around: ts.SignatureDeclaration): Generator<string> {
  const { checker, source } = scene;
  const own = prototypeOwner(around);
  if (own !== undefined) yield own;
  const name = around.name?.getText(source);
  for (const node of name === undefined ? [] : walk(source)) {
    if (!isAssignment(node) || node.right.getText(source) !== name) continue;
    const owner = prototypeOf(node.left);
    if (owner !== undefined) yield owner;
  }
  const call = around.parent;
  const passed = ts.isCallExpression(call) && call.arguments[0] === (around as ts.Node) ? call.arguments[1] : undefined;
  if (passed === undefined) return;
  const type = new Speaker(checker, around).union([checker.getTypeAtLocation(passed)]);
  if (type !== undefined && type !== 'this') yield type;
  const outer = thisFunctionOf(around);
  if (outer !== undefined && passed.kind === ts.SyntaxKind.ThisKeyword) yield* ownersOf(scene, outer);
  const inClass = nearest(around, ts.isClassLike)?.name?.text;
  if (inClass !== undefined) yield inClass;
}
