import ts from 'typescript';
import { cast } from '../code/jsdoc.ts';
import { nearest, type Draft, type Scene } from '../code/scene.ts';
import { Speaker } from '../code/speak.ts';
import { writtenTo } from '../code/syntax.ts';
import type { Change } from '../desk/edits.ts';
import type { Recipe } from './recipe.ts';

/** Deals with values that may be null or undefined. */
export const nullness: Recipe = {
  id: 'null-safety',
  name: 'Null safety',
  role: 'Guards against null and undefined',
  description:
    'Guards against null and undefined. Where something is possibly null or possibly undefined it puts optional chaining, or notes that the thing is known to be there. Also where undefined is not assignable, or cannot be invoked.',
  capabilities: ['null checks', 'optional chaining'],
  examples: [
    "'x' is possibly 'null'",
    "'x' is possibly 'undefined'",
    "Object is possibly 'undefined'",
    "Cannot invoke an object which is possibly 'null'",
    "Type 'undefined' is not assignable to type 'string'",
  ],
  about: /possibly '(null|undefined)'|'(null|undefined)' is not assignable|\b(null|undefined)' must have/,
  *drafts(scene) {
    const { node, checker } = scene;
    const expression = /possibly/.test(scene.finding.message) ? nearest(node, ts.isExpression) : valueUnder(scene);
    if (expression === undefined || !mayBeEmpty(checker, expression)) return;
    yield* chain(scene, expression);
    yield* atTheSource(scene, expression);
    yield* assert(scene, expression);
  },
};

/** `a.b` becomes `a?.b`, `a[b]` becomes `a?.[b]`, `a()` becomes `a?.()`: only the throw on an empty value is gone. */
function* chain(scene: Scene, expression: ts.Expression): Generator<Draft> {
  const { parent } = expression;
  const { text, fileName: file } = scene.source;
  const at = (change: Change): Draft => ({ title: `${expression.getText(scene.source)}?.`, file, changes: [change] });
  if (ts.isPropertyAccessExpression(parent) && parent.expression === expression && !isWrittenThrough(parent)) {
    const dot = text.indexOf('.', expression.end);
    yield at({ start: dot, end: dot + 1, text: '?.' });
  } else if (ts.isElementAccessExpression(parent) && parent.expression === expression && !isWrittenThrough(parent)) {
    yield at({ start: expression.end, end: expression.end, text: '?.' });
  } else if (ts.isCallExpression(parent) && parent.expression === expression) {
    yield at({ start: expression.end, end: expression.end, text: '?.' });
  }
}

/** Says once, where a variable gets its value, that the value is there: for the likes of `while (list.length) { x = list.shift()`. */
function* atTheSource(scene: Scene, expression: ts.Expression): Generator<Draft> {
  if (!ts.isIdentifier(expression)) return;
  const declaration = scene.checker.getSymbolAtLocation(expression)?.valueDeclaration;
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
    return;
  if (declaration.getSourceFile() !== scene.source || !mayBeEmpty(scene.checker, declaration.initializer)) return;
  yield* assert(scene, declaration.initializer);
}

/** A cast in a comment, the JavaScript form of the exclamation mark. */
function* assert(scene: Scene, expression: ts.Expression): Generator<Draft> {
  if (writtenTo(expression).length > 0) return;
  const { checker, source } = scene;
  const type = checker.getNonNullableType(checker.getTypeAtLocation(expression));
  const said = new Speaker(checker, expression).union([type]);
  if (said === undefined) return;
  yield {
    title: `${expression.getText(source).slice(0, 40)} is there: ${said}`,
    file: source.fileName,
    changes: cast(source, expression, said),
  };
}

/** The expression whose empty value does not fit: an argument, a stored or a returned value. */
function valueUnder(scene: Scene): ts.Expression | undefined {
  const { node } = scene;
  if (ts.isReturnStatement(node)) return node.expression;
  const { parent } = node;
  if (ts.isBinaryExpression(parent) && parent.left === node && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken)
    return parent.right;
  if (ts.isVariableDeclaration(parent) && parent.name === node) return parent.initializer;
  return ts.isExpression(node) ? node : undefined;
}

function mayBeEmpty(checker: ts.TypeChecker, expression: ts.Expression): boolean {
  const type = checker.getTypeAtLocation(expression);
  if (type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined | ts.TypeFlags.Any)) return false;
  return checker.getNonNullableType(type) !== type;
}

/** Whether an access is on the left of an assignment, where a question mark is not allowed. */
function isWrittenThrough(access: ts.Expression): boolean {
  const { parent } = access;
  if (ts.isBinaryExpression(parent)) return parent.left === access && isAssigning(parent.operatorToken.kind);
  if (ts.isPostfixUnaryExpression(parent) || ts.isDeleteExpression(parent)) return true;
  if (ts.isPrefixUnaryExpression(parent)) return parent.operator !== ts.SyntaxKind.ExclamationToken;
  if (!ts.isPropertyAccessExpression(parent) && !ts.isElementAccessExpression(parent)) return false;
  return parent.expression === access && isWrittenThrough(parent);
}

function isAssigning(sign: ts.SyntaxKind): boolean {
  return sign >= ts.SyntaxKind.FirstAssignment && sign <= ts.SyntaxKind.LastAssignment;
}
