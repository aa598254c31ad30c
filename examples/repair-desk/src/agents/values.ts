import ts from 'typescript';
import { annotateReturn, isTypeScript, writtenReturn, writtenType } from '../code/annotations.ts';
import { noteTag, noteType, docHost } from '../code/jsdoc.ts';
import { nearest, walk, type Draft, type Scene } from '../code/scene.ts';
import { isEmptyType, Speaker, withType } from '../code/speak.ts';
import { commentPlace, functionOf, isAssignment } from '../code/syntax.ts';
import type { Recipe } from './recipe.ts';

/** Lets declared types take in all that is assigned and returned. */
export const values: Recipe = {
  id: 'values',
  name: 'Assignments and results',
  role: 'Widens declared types',
  description:
    'Widens declared types that are too narrow: where a type is not assignable to another type, or where a result implicitly has return type any and needs a return type annotation.',
  capabilities: ['assignments', 'results'],
  examples: [
    "Type 'number' is not assignable to type 'boolean'",
    "Type 'string[]' is not assignable to type 'string'",
    "'x' implicitly has return type 'any' because it does not have a return type annotation and is referenced directly or indirectly in one of its return expressions",
    'Lacks an ending return statement',
  ],
  about:
    /^Type '.+' is (not assignable to|missing the following)|implicitly has return type|lacks ending return|must return a value/,
  *drafts(scene) {
    const { checker, finding, node } = scene;
    if (/implicitly has return type/.test(finding.message)) {
      yield* returns(scene);
      return;
    }
    if (/lacks ending return/.test(finding.message)) {
      const result = nearest(node, ts.isTypeNode) ?? resultType(node);
      if (result !== undefined) yield* widen(result, 'undefined');
      return;
    }
    const stored = storedAt(node);
    if (stored === undefined) return;
    const { value, place } = stored;
    const more = new Speaker(checker, node).union([checker.getTypeAtLocation(value)]) ?? emptyValue(value);
    // What somebody has declared to be a number is not to become a text as well: then it is the value that is wrong.
    if (more === undefined || (isTypeScript(scene.source) && !isEmptyType(more))) return;
    if (place !== undefined) {
      yield* widenPlace(scene, place, more);
      return;
    }
    const result = resultType(node);
    if (result !== undefined) yield* widen(result, more);
  },
};

/** A value that is stored; the place is undefined if it is the result of the function. */
interface Stored {
  readonly value: ts.Expression;
  readonly place: ts.Node | undefined;
}

function storedAt(node: ts.Node): Stored | undefined {
  if (ts.isReturnStatement(node))
    return node.expression === undefined ? undefined : { value: node.expression, place: undefined };
  const { parent } = node;
  if (isAssignment(parent) && parent.left === node) return { value: parent.right, place: node };
  if (ts.isVariableDeclaration(parent) && parent.name === node && parent.initializer !== undefined) {
    return { value: parent.initializer, place: node };
  }
  const isReturned = nearest(node, ts.isReturnStatement)?.expression !== undefined && ts.isExpression(node);
  return isReturned ? { value: node, place: undefined } : undefined;
}

function emptyValue(value: ts.Expression): string | undefined {
  if (value.kind === ts.SyntaxKind.NullKeyword) return 'null';
  return value.getText() === 'undefined' ? 'undefined' : undefined;
}

function resultType(node: ts.Node): ts.TypeNode | undefined {
  const around = functionOf(node);
  return around === undefined ? undefined : writtenReturn(around);
}

/** The written type of a place takes in one more; a place without one gets what it had and the new one. */
function* widenPlace({ checker, compiler }: Scene, place: ts.Node, more: string): Generator<Draft> {
  const symbol = checker.getSymbolAtLocation(ts.isPropertyAccessExpression(place) ? place.name : place);
  const declaration = symbol?.valueDeclaration;
  if (symbol === undefined || declaration === undefined) return;
  const source = declaration.getSourceFile();
  if (!compiler.files.includes(source.fileName)) return;
  const comment = ts.isVariableDeclaration(declaration)
    ? commentPlace(declaration)
    : nearest(declaration, ts.isExpressionStatement);
  const written = writtenType(declaration) ?? (comment === undefined ? undefined : ts.getJSDocType(comment));
  if (written !== undefined) {
    yield* widen(written, more);
  } else if (comment !== undefined) {
    const had = new Speaker(checker, declaration).union([checker.getTypeOfSymbolAtLocation(symbol, declaration)]);
    const type = had === undefined ? more : withType(had, more);
    yield { title: type, file: source.fileName, changes: noteType(source, comment, type) };
  }
}

function* widen(type: ts.TypeNode, more: string): Generator<Draft> {
  const source = type.getSourceFile();
  const text = withType(type.getText(source), more);
  yield { title: text, file: source.fileName, changes: [{ start: type.getStart(source), end: type.end, text }] };
}

/** Writes down what a function returns, where the compiler turns in circles. */
function* returns({ checker, source, node }: Scene): Generator<Draft> {
  const around = functionOf(node) ?? functionStoredAt(node);
  const host = around === undefined ? undefined : docHost(around);
  if (around === undefined || host === undefined) return;
  const statements = [...walk(around, (each) => !ts.isFunctionLike(each))].filter(ts.isReturnStatement);
  const types = statements.flatMap(({ expression }) =>
    expression === undefined ? [] : [checker.getTypeAtLocation(expression)],
  );
  const isEmpty = statements.length === 0 || statements.some(({ expression }) => expression === undefined);
  const known = new Speaker(checker, around).union(types);
  const likely = known === undefined ? (isEmpty ? ['void'] : []) : [isEmpty ? withType(known, 'undefined') : known];
  for (const type of [...likely, 'unknown']) {
    const changes = isTypeScript(source) ? annotateReturn(around, type) : noteTag(source, host, `@returns {${type}}`);
    yield { title: `returns ${type}`, file: source.fileName, changes };
  }
}

function functionStoredAt(node: ts.Node): ts.SignatureDeclaration | undefined {
  const assignment = nearest(node, isAssignment);
  return assignment !== undefined && ts.isFunctionExpression(assignment.right) ? assignment.right : undefined;
}
