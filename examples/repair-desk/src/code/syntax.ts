import ts from 'typescript';
import { nearest, walk } from './scene.ts';

/** A call of a function, or the making of an instance. */
export type Call = ts.CallExpression | ts.NewExpression;

/** The name that a function is called by. */
export function nameOf(declaration: ts.SignatureDeclaration): ts.Node | undefined {
  if (declaration.name !== undefined && !ts.isFunctionExpression(declaration)) return declaration.name;
  if (ts.isConstructorDeclaration(declaration)) return declaration.parent.name;
  const { parent } = declaration;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent))
    return parent.name;
  if (ts.isBinaryExpression(parent) && parent.right === (declaration as ts.Node)) {
    if (ts.isPropertyAccessExpression(parent.left)) return parent.left.name;
    if (ts.isIdentifier(parent.left)) return parent.left;
  }
  return declaration.name;
}

/** The call that a name is the callee of, also as the last part of `a.b.name()`. */
export function callOf(name: ts.Node): Call | undefined {
  const callee = ts.isPropertyAccessExpression(name.parent) && name.parent.name === name ? name.parent : name;
  const { parent } = callee;
  return ts.isCallOrNewExpression(parent) && parent.expression === callee ? parent : undefined;
}

/** Whether a call hands over a list as its arguments, so that nobody can count them. */
export function hasSpread(call: Call): boolean {
  return call.arguments?.some(ts.isSpreadElement) ?? false;
}

/** What an assignment stores in this place, if this is the left side of one. */
export function writtenTo(place: ts.Expression): ts.Expression[] {
  const { parent } = place;
  if (!isAssignment(parent) || parent.left !== place) return [];
  let value = parent.right;
  while (isAssignment(value)) value = value.right;
  return [value];
}

/** What is put into a list by `list.push(item)`, `list.unshift(item)` or `list[index] = item`. */
export function putInto(list: ts.Expression): ts.Expression[] {
  const { parent } = list;
  if (ts.isElementAccessExpression(parent) && parent.expression === list) return writtenTo(parent);
  if (!ts.isPropertyAccessExpression(parent) || parent.expression !== list) return [];
  const call = parent.parent;
  if (!ts.isCallExpression(call) || call.expression !== parent || !['push', 'unshift'].includes(parent.name.text))
    return [];
  return call.arguments.filter((argument) => !ts.isSpreadElement(argument));
}

/** Whether a node is `place = value`. */
export function isAssignment(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}

/** Whether a node compares two values. */
export function isComparison(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && comparing.has(node.operatorToken.kind);
}

const comparing: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

/** Whether an expression is asked whether it is true. */
export function isCondition(expression: ts.Expression): boolean {
  const { parent } = expression;
  return (
    (ts.isIfStatement(parent) && parent.expression === expression) ||
    (ts.isPrefixUnaryExpression(parent) && parent.operator === ts.SyntaxKind.ExclamationToken) ||
    (ts.isConditionalExpression(parent) && parent.condition === expression) ||
    (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken)
  );
}

/** The body in which a class or a constructor function sets its members up. */
export function constructorOf(source: ts.SourceFile, name: string): ts.Block | undefined {
  for (const node of walk(source)) {
    if (ts.isClassDeclaration(node) && node.name?.text === name)
      return node.members.find(ts.isConstructorDeclaration)?.body;
    if (ts.isFunctionDeclaration(node) && node.name?.text === name) return node.body;
  }
  return undefined;
}

/** The function that a node lies in. */
export function functionOf(node: ts.Node): ts.SignatureDeclaration | undefined {
  return nearest(node, (at): at is ts.SignatureDeclaration => ts.isFunctionLike(at));
}

/** The function that `this` belongs to at a node. */
export function thisFunctionOf(node: ts.Node): ts.SignatureDeclaration | undefined {
  return nearest(node.parent, (at): at is ts.SignatureDeclaration => ts.isFunctionLike(at) && !ts.isArrowFunction(at));
}

/** `Name.prototype.method = function () {}`: the name. */
export function prototypeOwner(declaration: ts.SignatureDeclaration): string | undefined {
  const { parent } = declaration;
  return isAssignment(parent) ? prototypeOf(parent.left) : undefined;
}

/** `Name.prototype.method`: the name. */
export function prototypeOf(place: ts.Expression): string | undefined {
  const holder = ts.isPropertyAccessExpression(place) ? place.expression : undefined;
  if (holder === undefined || !ts.isPropertyAccessExpression(holder) || holder.name.text !== 'prototype')
    return undefined;
  return holder.expression.getText();
}

/** Where a comment about a variable goes: before its statement, or before its own part of a longer one. */
export function commentPlace(declaration: ts.VariableDeclaration): ts.Node {
  const list = declaration.parent;
  const alone =
    ts.isVariableDeclarationList(list) && list.declarations.length === 1 && ts.isVariableStatement(list.parent);
  return alone ? list.parent : declaration;
}
