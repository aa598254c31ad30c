import ts from 'typescript';
import type { Change } from '../desk/edits.ts';
import { listOf } from './speak.ts';

/** What is to be written about a parameter. */
export interface ParameterAnnotation {
  readonly name: string;
  /** A rest parameter's is that of one item, after three dots. */
  readonly type: string | undefined;
  readonly optional: boolean;
}

/** Whether types are written into the code itself here, and not into comments. */
export function isTypeScript(source: ts.SourceFile): boolean {
  return /\.[cm]?tsx?$/.test(source.fileName);
}

/** Types parameters of a function in TypeScript. */
export function annotateParameters(
  declaration: ts.SignatureDeclaration,
  notes: readonly ParameterAnnotation[],
): Change[] {
  const changes = declaration.parameters.flatMap((parameter) => {
    const note = notes.find(({ name }) => name === parameter.name.getText());
    return note === undefined ? [] : annotateParameter(parameter, note);
  });
  return changes.length === 0 ? [] : bracketed(declaration, changes);
}

function annotateParameter(parameter: ts.ParameterDeclaration, { type, optional }: ParameterAnnotation): Change[] {
  const asksAlready = parameter.questionToken !== undefined || parameter.initializer !== undefined;
  const question = optional && !asksAlready && parameter.dotDotDotToken === undefined ? '?' : '';
  const said = type?.startsWith('...') === true ? listOf(type.slice(3).replace(/^\((.*)\)$/, '$1')) : type;
  if (parameter.type !== undefined || (said === undefined && question === '')) {
    if (question === '') return [];
    return [{ start: parameter.name.end, end: parameter.name.end, text: question }];
  }
  const { end } = parameter.questionToken ?? parameter.name;
  return [{ start: end, end, text: `${question}${said === undefined ? '' : `: ${said}`}` }];
}

/** `x => x` needs brackets to carry a type. */
function bracketed(declaration: ts.SignatureDeclaration, changes: Change[]): Change[] {
  const [first] = declaration.parameters;
  if (first === undefined || !ts.isArrowFunction(declaration)) return changes;
  const source = declaration.getSourceFile();
  const start = first.getStart(source);
  if (declaration.getStart(source) !== start) return changes;
  const [change] = changes;
  return [
    { start, end: start, text: '(' },
    { ...change!, text: `${change!.text})` },
  ];
}

/** Gives what is declared a type in TypeScript: a variable, a field, or what a property of an object literal is set to. */
export function annotateType(node: ts.Node, type: string): Change[] {
  const declaration = ts.isVariableStatement(node) ? node.declarationList.declarations[0] : node;
  if (declaration === undefined) return [];
  if (!ts.isVariableDeclaration(declaration) && !ts.isPropertyDeclaration(declaration)) return [];
  const written = declaration.type;
  if (written !== undefined) return [{ start: written.getStart(), end: written.end, text: type }];
  const mark = ts.isPropertyDeclaration(declaration) ? declaration.questionToken : declaration.exclamationToken;
  const { end } = mark ?? declaration.name;
  return [{ start: end, end, text: `: ${type}` }];
}

/** Says in TypeScript what a function returns. */
export function annotateReturn(declaration: ts.SignatureDeclaration, type: string): Change[] {
  if (declaration.type !== undefined) {
    return [{ start: declaration.type.getStart(), end: declaration.type.end, text: type }];
  }
  const source = declaration.getSourceFile();
  const close = source.text.indexOf(')', declaration.parameters.end);
  const [first] = declaration.parameters;
  const isBare = first !== undefined && declaration.getStart(source) === first.getStart(source);
  return close < 0 || isBare ? [] : [{ start: close + 1, end: close + 1, text: `: ${type}` }];
}

/** Says in TypeScript what `this` is in a function. */
export function annotateThis(declaration: ts.SignatureDeclaration, type: string): Change[] {
  if (ts.isArrowFunction(declaration)) return [];
  const start = declaration.parameters.pos;
  return [{ start, end: start, text: `this: ${type}${declaration.parameters.length > 0 ? ', ' : ''}` }];
}

/** The type that is written down for something, in the code or in its comment. */
export function writtenType(node: ts.Node): ts.TypeNode | undefined {
  const hasType = ts.isParameter(node) || ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node);
  return (hasType ? node.type : undefined) ?? ts.getJSDocType(node);
}

/** The type that is written down for what a function returns. */
export function writtenReturn(declaration: ts.SignatureDeclaration): ts.TypeNode | undefined {
  return declaration.type ?? ts.getJSDocReturnType(declaration);
}
