import ts from 'typescript';
import { Speaker } from './speak.ts';
import { isComparison } from './syntax.ts';
import type { Usage } from './usage.ts';

/** What the code itself asks a parameter to be: `typeof x === …`, `x instanceof …`, `Array.isArray(x)`, `x === 'text'`. */
export function guardsOf(usage: Usage, parameter: ts.ParameterDeclaration): string[] {
  const uses = usage.usesOf(parameter.name, parameter.parent);
  return [...new Set(uses.flatMap((use) => guardAt(usage, parameter, use) ?? []))];
}

function guardAt(usage: Usage, parameter: ts.ParameterDeclaration, use: ts.Identifier): string | undefined {
  const { parent } = use;
  if (ts.isTypeOfExpression(parent)) return namedType(parent);
  if (ts.isCallExpression(parent)) return parent.expression.getText() === 'Array.isArray' ? 'unknown[]' : undefined;
  if (ts.isSwitchStatement(parent)) return parent.caseBlock.clauses.some(asksForText) ? 'string' : undefined;
  if (!ts.isBinaryExpression(parent)) return undefined;
  if (parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword && parent.left === use) {
    const type = instanceType(usage.scene.checker, parent.right);
    return type === undefined ? undefined : new Speaker(usage.scene.checker, parameter).say(type);
  }
  return isComparison(parent) ? literalType(parent.left === use ? parent.right : parent.left) : undefined;
}

function namedType(asked: ts.TypeOfExpression): string | undefined {
  const { parent } = asked;
  if (!ts.isBinaryExpression(parent)) return undefined;
  const name = parent.left === asked ? parent.right : parent.left;
  if (!ts.isStringLiteral(name)) return undefined;
  if (name.text === 'function') return 'Function';
  return ['string', 'number', 'boolean', 'undefined'].includes(name.text) ? name.text : undefined;
}

function literalType(value: ts.Expression): string | undefined {
  if (value.kind === ts.SyntaxKind.NullKeyword) return 'null';
  if (value.kind === ts.SyntaxKind.TrueKeyword || value.kind === ts.SyntaxKind.FalseKeyword) return 'boolean';
  if (ts.isNumericLiteral(value)) return 'number';
  return ts.isStringLiteral(value) ? 'string' : undefined;
}

function asksForText(clause: ts.CaseOrDefaultClause): boolean {
  return ts.isCaseClause(clause) && ts.isStringLiteral(clause.expression);
}

function instanceType(checker: ts.TypeChecker, constructor: ts.Expression): ts.Type | undefined {
  const symbol = checker.getSymbolAtLocation(constructor);
  const target =
    symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (target !== undefined && target.flags & ts.SymbolFlags.Class) return checker.getDeclaredTypeOfSymbol(target);
  const type = checker.getTypeAtLocation(constructor);
  const [signature] = type.getConstructSignatures();
  if (signature !== undefined) return signature.getReturnType();
  const prototype = type.getProperty('prototype');
  return prototype === undefined ? undefined : checker.getTypeOfSymbol(prototype);
}
