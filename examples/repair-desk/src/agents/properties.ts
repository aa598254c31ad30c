import ts from 'typescript';
import { isTypeScript, writtenType } from '../code/annotations.ts';
import { cast, noteType } from '../code/jsdoc.ts';
import { docsOf, indentOf, nearest, walk, type Draft, type Scene } from '../code/scene.ts';
import { withType } from '../code/speak.ts';
import { memberTypes } from '../code/stored-types.ts';
import { commentPlace, constructorOf, prototypeOwner, thisFunctionOf } from '../code/syntax.ts';
import { Usage } from '../code/usage.ts';
import type { Change } from '../desk/edits.ts';
import type { Recipe } from './recipe.ts';
import { ownersOf, thisNoted } from './this.ts';

/** Declares properties that are used but were never declared. */
export const properties: Recipe = {
  id: 'properties',
  name: 'Properties',
  role: 'Declares missing properties',
  description:
    'Declares properties. Where a property does not exist on a type, it declares the property as a field of the class, or describes the property where the object is documented.',
  capabilities: ['properties', 'fields'],
  examples: [
    "Property 'x' does not exist on type 'Node'",
    "Property 'x' does not exist on type 'Object'",
    "Property 'x' does not exist on type '{ size: number; }'",
    "Property 'x' does not exist on type 'Node'. Did you mean another property?",
    'Object literal may only specify known properties',
  ],
  about: /^Property '.+' does not exist on type|may only specify known properties/,
  *drafts(scene) {
    const access = nearest(scene.node, ts.isPropertyAccessExpression);
    if (access === undefined || scene.node !== access.name) return;
    // A name that is almost right is not one to declare.
    if (isTypeScript(scene.source) && /Did you mean '/.test(scene.finding.message)) return;
    yield* onMethod(scene, access);
    const usage = new Usage(scene);
    const name = access.name.text;
    const types = [...memberTypes(usage, name)].slice(0, 2);
    if (isTypeScript(scene.source)) {
      yield* onDeclared(scene, access, types);
      yield* onLiteral(scene, access, name, types);
      return;
    }
    yield* onClass(scene, access, name, types);
    yield* onDocumented(scene, access, usage);
    yield* onLiteral(scene, access, name, types);
    yield* onValue(scene, access, types);
  },
};

/** `Store.prototype.load = load`: in `load` it is the store that has the property. */
function* onMethod(scene: Scene, access: ts.PropertyAccessExpression): Generator<Draft> {
  const around = access.expression.kind === ts.SyntaxKind.ThisKeyword ? thisFunctionOf(access) : undefined;
  if (around === undefined || !ts.isFunctionDeclaration(around) || ts.getJSDocThisTag(around) !== undefined) return;
  for (const type of new Set(ownersOf(scene, around))) yield* thisNoted(scene, around, type);
}

/** A field of a class: declared at the start of its constructor, where nothing happens at run time. */
function* onClass(
  scene: Scene,
  access: ts.PropertyAccessExpression,
  name: string,
  types: readonly string[],
): Generator<Draft> {
  const { source } = scene;
  const owner = ownerOf(scene, access.expression);
  if (owner === undefined) return;
  const body = constructorOf(source, owner);
  if (body === undefined) return;
  const last = lastFieldOf(body);
  for (const type of [...types, 'unknown']) {
    const said = withType(type, 'undefined');
    const indent =
      body.statements[0] === undefined ? `${indentOf(source, body.parent)}  ` : indentOf(source, body.statements[0]);
    const text = `\n${indent}/** @type {${said}} */\n${indent}this.${name};`;
    const at = last?.end ?? body.getStart(source) + 1;
    yield { title: `${owner}.${name}: ${said}`, file: source.fileName, changes: [{ start: at, end: at, text }] };
  }
}

/** In TypeScript a class or an interface of the project is given the member, which may be missing. */
function* onDeclared(
  { checker, compiler, source }: Scene,
  access: ts.PropertyAccessExpression,
  types: readonly string[],
): Generator<Draft> {
  const holder = checker.getNonNullableType(checker.getTypeAtLocation(access.expression));
  const declaration = holder
    .getSymbol()
    ?.declarations?.find((each) => ts.isClassLike(each) || ts.isInterfaceDeclaration(each));
  // A type of this file: the names that the member's type is said in are then known there.
  if (declaration === undefined || declaration.getSourceFile() !== source) return;
  if (!compiler.files.includes(source.fileName)) return;
  const [first] = declaration.members;
  const at = declaration.members.pos;
  const indent = first === undefined ? `${indentOf(source, declaration)}  ` : indentOf(source, first);
  const end = first === undefined ? '\n' : '';
  for (const type of [...types, 'unknown']) {
    const text = `\n${indent}${access.name.text}?: ${type};${end}`;
    const title = `${access.name.text}?: ${type}`;
    yield { title, file: source.fileName, changes: [{ start: at, end: at, text }] };
  }
}

/** A member of an object that a JSDoc comment calls `Object`: the comment is made to say what is in it. */
function* onDocumented(scene: Scene, access: ts.PropertyAccessExpression, usage: Usage): Generator<Draft> {
  const { source, checker } = scene;
  const symbol = checker.getSymbolAtLocation(access.expression);
  const symbols = symbol === undefined ? [] : behind(checker, symbol);
  const declaration = symbols.at(-1)?.valueDeclaration;
  if (declaration === undefined || declaration.getSourceFile() !== source) return;
  const written = typeNodeOf(declaration);
  if (written === undefined) return;
  const loose = looseObjects(written);
  if (loose.length === 0) return;
  const around =
    nearest(
      access,
      (node): node is ts.SignatureDeclaration => ts.isFunctionLike(node) && contains(node, declaration),
    ) ?? source;
  const members = new Map<string, string>();
  for (const node of walk(around)) {
    if (!ts.isPropertyAccessExpression(node)) continue;
    const holder = checker.getSymbolAtLocation(node.expression);
    if (holder === undefined || !symbols.includes(holder)) continue;
    const [type] = memberTypes(usage, node.name.text);
    members.set(
      node.name.text,
      type ?? (/^(is|has|no|hide)|hidden|enable|required|variadic/i.test(node.name.text) ? 'boolean' : 'unknown'),
    );
  }
  for (const precise of [true, false]) {
    const body = [...members].map(([name, type]) => `${name}?: ${precise ? type : 'unknown'}`).join(', ');
    const changes = loose.map((node): Change => ({ start: node.getStart(source), end: node.end, text: `{ ${body} }` }));
    yield { title: `{ ${body} }`, file: source.fileName, changes };
  }
}

/** A name and the names it got its value from: `let options = given`, where `given` is what is documented. */
function behind(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const declaration = symbol.valueDeclaration;
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
    return [symbol];
  let value = declaration.initializer;
  if (ts.isBinaryExpression(value)) value = value.left;
  const next = ts.isIdentifier(value) ? checker.getSymbolAtLocation(value) : undefined;
  return next === undefined || next === symbol ? [symbol] : [symbol, ...behind(checker, next)];
}

/** A variable that starts as an object literal and gets more members later. */
function* onLiteral(
  scene: Scene,
  access: ts.PropertyAccessExpression,
  name: string,
  types: readonly string[],
): Generator<Draft> {
  const { checker, source } = scene;
  const declaration = checker.getSymbolAtLocation(access.expression)?.valueDeclaration;
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
    return;
  const place = commentPlace(declaration);
  if (declaration.getSourceFile() !== source || docsOf(place).length > 0) return;
  if (!ts.isObjectLiteralExpression(declaration.initializer)) return;
  const written = checker.typeToString(
    checker.getTypeAtLocation(declaration.initializer),
    declaration,
    ts.TypeFormatFlags.NoTruncation,
  );
  for (const type of [...types, 'unknown']) {
    const said = written === '{}' ? `{ ${name}?: ${type} }` : `${written} & { ${name}?: ${type} }`;
    if (/\bany\b/.test(said)) continue;
    yield { title: `${name}?: ${type}`, file: source.fileName, changes: noteType(source, place, said) };
  }
}

/** The value has a property its type knows nothing of: said at the place of use. */
function* onValue(scene: Scene, access: ts.PropertyAccessExpression, types: readonly string[]): Generator<Draft> {
  const { checker, source } = scene;
  if (access.expression.kind === ts.SyntaxKind.ThisKeyword) return;
  const written = checker.typeToString(
    checker.getTypeAtLocation(access.expression),
    access,
    ts.TypeFormatFlags.NoTruncation,
  );
  if (written.length > 60 || /\bany\b/.test(written)) return;
  const base = written === 'Error' && access.name.text === 'code' ? 'NodeJS.ErrnoException' : undefined;
  for (const type of [
    ...(base === undefined ? [] : [base]),
    ...[...types, 'unknown'].map((each) => `${written} & { ${access.name.text}?: ${each} }`),
  ]) {
    yield {
      title: `${access.getText(source)}: ${type}`,
      file: source.fileName,
      changes: cast(source, access.expression, type),
    };
  }
}

/** The class, in this file, that an expression is an instance of. */
function ownerOf(scene: Scene, expression: ts.Expression): string | undefined {
  const { checker } = scene;
  if (expression.kind === ts.SyntaxKind.ThisKeyword) {
    const around = thisFunctionOf(expression);
    const target = around === undefined ? undefined : prototypeOwner(around);
    if (target !== undefined) return target;
  }
  const type = checker.getTypeAtLocation(expression);
  const symbol = type.getSymbol();
  return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Class) !== 0 ? symbol.name : undefined;
}

/** The last of the statements that set members up, so that a new one stands with them and behind `super()`. */
function lastFieldOf(body: ts.Block): ts.Statement | undefined {
  return body.statements.findLast(
    (statement) => ts.isExpressionStatement(statement) && /^(super\(|this\.\w+\s*[=;])/.test(statement.getText()),
  );
}

function typeNodeOf(declaration: ts.Declaration): ts.TypeNode | undefined {
  return ts.isParameter(declaration) || ts.isVariableDeclaration(declaration) ? writtenType(declaration) : undefined;
}

function looseObjects(type: ts.TypeNode): ts.TypeNode[] {
  const all = [type, ...walk(type)].filter((node): node is ts.TypeNode => ts.isTypeNode(node));
  return all.filter(
    (node) =>
      node.kind === ts.SyntaxKind.ObjectKeyword || (ts.isTypeReferenceNode(node) && node.getText() === 'Object'),
  );
}

function contains(node: ts.Node, inner: ts.Node): boolean {
  return node.pos <= inner.pos && inner.end <= node.end;
}
