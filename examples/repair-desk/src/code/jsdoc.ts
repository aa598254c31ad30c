import ts from 'typescript';
import type { Change } from '../desk/edits.ts';
import { annotateType, isTypeScript } from './annotations.ts';
import { docsOf, indentOf, nearest, startsItsLine } from './scene.ts';
import { commentPlace } from './syntax.ts';

/** What can carry a JSDoc comment for a function: its own declaration or the statement that names it. */
export function docHost(declaration: ts.SignatureDeclaration): ts.Node | undefined {
  if (
    ts.isFunctionDeclaration(declaration) ||
    ts.isMethodDeclaration(declaration) ||
    ts.isConstructorDeclaration(declaration)
  ) {
    return declaration;
  }
  if (ts.isAccessor(declaration)) return declaration;
  let at: ts.Node = declaration;
  while (ts.isParenthesizedExpression(at.parent)) at = at.parent;
  while (
    ts.isBinaryExpression(at.parent) &&
    at.parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    at.parent.right === at
  ) {
    at = at.parent;
  }
  const parent = at.parent;
  if (ts.isExpressionStatement(parent)) return parent;
  if (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) return parent;
  if (!ts.isVariableDeclaration(parent)) return undefined;
  const place = commentPlace(parent);
  return place === parent ? undefined : place;
}

/** A parameter's line in a JSDoc block: `{type} name`, in brackets where calls leave it out. */
export interface ParameterNote {
  readonly name: string;
  readonly type: string | undefined;
  readonly optional: boolean;
}

/**
 * Writes types of parameters into the function's JSDoc block, making one where there is none. Parameters that have a
 * line of their own keep its words.
 */
export function noteParameters(
  source: ts.SourceFile,
  host: ts.Node,
  order: readonly string[],
  notes: readonly ParameterNote[],
): Change[] {
  const doc = docsOf(host).at(-1);
  if (doc === undefined) return [newBlock(source, host, notes.map(lineOf))];
  const tags = parameterTags(doc);
  const changes: Change[] = [];
  const missing: ParameterNote[] = [];
  for (const note of notes) {
    const tag = tags.find(({ name }) => ts.isIdentifier(name) && name.text === note.name);
    if (tag === undefined) missing.push(note);
    else if (note.type !== undefined) changes.push(...typeOfTag(source, tag, note));
  }
  for (const group of groupByPlace(source, doc, tags, order, missing)) changes.push(group);
  return changes;
}

/**
 * Gives a variable, property or statement a type: in TypeScript its own, else a `@type` above it where it starts its line,
 * or right before it.
 */
export function noteType(source: ts.SourceFile, node: ts.Node, type: string): Change[] {
  if (isTypeScript(source)) return annotateType(node, type);
  const start = node.getStart(source);
  const doc = docsOf(node).at(-1);
  if (doc !== undefined) return [insertTag(source, doc, undefined, [`@type {${type}}`])];
  if (!startsItsLine(source, node)) return [{ start, end: start, text: `/** @type {${type}} */ ` }];
  return [{ start, end: start, text: `/** @type {${type}} */\n${indentOf(source, node)}` }];
}

/** Adds a tag such as `@this {Name}` to the block of a function, or makes one. */
export function noteTag(source: ts.SourceFile, host: ts.Node, tag: string): Change[] {
  const doc = docsOf(host).at(-1);
  return [doc === undefined ? newBlock(source, host, [tag]) : insertTag(source, doc, undefined, [tag])];
}

/** Wraps an expression into a JSDoc cast. Nothing in TypeScript, where an assertion would only silence the compiler. */
export function cast(source: ts.SourceFile, expression: ts.Expression, type: string): Change[] {
  if (isTypeScript(source)) return [];
  const start = expression.getStart(source);
  return [
    { start, end: start, text: `${guardOf(source, expression)}/** @type {${type}} */ (` },
    { start: expression.end, end: expression.end, text: ')' },
  ];
}

/** A bracket at the start of a statement would join it to a line before that has no semicolon. */
function guardOf(source: ts.SourceFile, expression: ts.Expression): string {
  const start = expression.getStart(source);
  const statement = nearest(expression, ts.isExpressionStatement);
  if (statement === undefined || statement.getStart(source) !== start) return '';
  let at = statement.pos - 1;
  while (at >= 0 && /\s/.test(source.text[at]!)) at--;
  return at < 0 || ';{:'.includes(source.text[at]!) ? '' : ';';
}

/** The lines of a JSDoc block that are about parameters. */
export function parameterTags(doc: ts.JSDoc): ts.JSDocParameterTag[] {
  const isParameterTag = (tag: ts.JSDocTag): tag is ts.JSDocParameterTag => ts.isJSDocParameterTag(tag);
  return [...(doc.tags ?? [])].filter(isParameterTag);
}

function lineOf(note: ParameterNote): string {
  const name = note.optional ? `[${note.name}]` : note.name;
  return note.type === undefined ? `@param ${name}` : `@param {${note.type}} ${name}`;
}

function newBlock(source: ts.SourceFile, host: ts.Node, lines: readonly string[]): Change {
  const start = host.getStart(source);
  const indent = indentOf(source, host);
  if (!startsItsLine(source, host)) return { start, end: start, text: `/** ${lines.join(' ')} */ ` };
  const body = lines.map((line) => `${indent} * ${line}\n`).join('');
  return { start, end: start, text: `/**\n${body}${indent} */\n${indent}` };
}

function typeOfTag(source: ts.SourceFile, tag: ts.JSDocParameterTag, note: ParameterNote): Change[] {
  const changes: Change[] = [];
  const nameStart = tag.isBracketed
    ? source.text.lastIndexOf('[', tag.name.getStart(source))
    : tag.name.getStart(source);
  if (tag.typeExpression === undefined) {
    changes.push({ start: nameStart, end: nameStart, text: `{${note.type}} ` });
  } else {
    changes.push({ start: tag.typeExpression.type.pos, end: tag.typeExpression.type.end, text: note.type! });
  }
  if (note.optional && !tag.isBracketed) {
    const name = tag.name.getStart(source);
    if (tag.typeExpression === undefined) changes[0] = { start: name, end: name, text: `{${note.type}} [` };
    else changes.push({ start: name, end: name, text: '[' });
    changes.push({ start: tag.name.end, end: tag.name.end, text: ']' });
  }
  return changes;
}

/** New lines go behind the line of the parameter before them, or before that of the one behind, or to the end. */
function groupByPlace(
  source: ts.SourceFile,
  doc: ts.JSDoc,
  tags: readonly ts.JSDocParameterTag[],
  order: readonly string[],
  notes: readonly ParameterNote[],
): Change[] {
  const byPlace = new Map<ts.JSDocTag | undefined, string[]>();
  for (const note of notes) {
    const place = order.indexOf(note.name);
    const next = tags.find(({ name }) => order.indexOf(name.getText(source)) > place) ?? firstOtherTag(doc, tags);
    byPlace.set(next, [...(byPlace.get(next) ?? []), lineOf(note)]);
  }
  return [...byPlace].map(([next, lines]) => insertTag(source, doc, next, lines));
}

function firstOtherTag(doc: ts.JSDoc, tags: readonly ts.JSDocParameterTag[]): ts.JSDocTag | undefined {
  const after = tags.at(-1)?.end ?? doc.pos;
  return doc.tags?.find((tag) => !ts.isJSDocParameterTag(tag) && tag.pos >= after);
}

function insertTag(
  source: ts.SourceFile,
  doc: ts.JSDoc,
  before: ts.JSDocTag | undefined,
  lines: readonly string[],
): Change {
  const text = source.text;
  const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', doc.pos - 1) + 1, doc.pos))![0];
  if (before !== undefined) {
    const start = before.getStart(source);
    return { start, end: start, text: lines.map((line) => `${line}\n${indent} * `).join('') };
  }
  const close = doc.end - 2;
  const lastLine = text.lastIndexOf('\n', close);
  if (lastLine >= doc.pos && text.slice(lastLine + 1, close).trim() === '') {
    return { start: lastLine + 1, end: lastLine + 1, text: lines.map((line) => `${indent} * ${line}\n`).join('') };
  }
  const body = lines.map((line) => `\n${indent} * ${line}`).join('');
  const start = text.slice(0, close).trimEnd().length;
  return { start, end: close, text: `${body}\n${indent} ` };
}
