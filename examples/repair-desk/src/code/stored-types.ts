import ts from 'typescript';
import { walk } from './scene.ts';
import { isEmptyType, listOf, Speaker, withType } from './speak.ts';
import { putInto, writtenTo } from './syntax.ts';
import type { Usage } from './usage.ts';

/** Type texts for a variable: what it starts with, and all that is assigned to it or put into it. */
export function variableTypes(usage: Usage, declaration: ts.VariableDeclaration): Iterable<string> {
  const uses = usage.usesOf(declaration.name, declaration.getSourceFile());
  return storedTypes(usage, declaration, declaration.initializer, uses);
}

/** Type texts for a member, by every place that stores something in a member of this name. */
export function memberTypes(usage: Usage, name: string, initializer?: ts.Expression): Iterable<string> {
  const { source } = usage.scene;
  return storedTypes(usage, source, initializer, accessesOf(source, name));
}

/** Type texts for what is stored under the keys of an object. */
export function* entryTypes(usage: Usage, table: ts.Expression): Generator<string> {
  const { source, checker } = usage.scene;
  const symbol = checker.getSymbolAtLocation(table);
  const isTable = (other: ts.Expression): boolean =>
    (symbol !== undefined && checker.getSymbolAtLocation(other) === symbol) ||
    (ts.isPropertyAccessExpression(other) &&
      ts.isPropertyAccessExpression(table) &&
      other.name.text === table.name.text);
  const values = [...walk(source)].flatMap((node) =>
    ts.isElementAccessExpression(node) && isTable(node.expression) ? writtenTo(node) : [],
  );
  const said = new Speaker(checker, source).union(values.flatMap((value) => usage.typesOf(value)));
  if (said !== undefined) {
    yield said;
    yield withType(said, 'undefined');
  }
  yield 'unknown';
}

/** Every place that reads or writes a member of this name. */
function accessesOf(within: ts.Node, name: string): ts.PropertyAccessExpression[] {
  const isAccess = (node: ts.Node): node is ts.PropertyAccessExpression =>
    ts.isPropertyAccessExpression(node) && node.name.text === name;
  return [...walk(within)].filter(isAccess);
}

function storedTypes(
  usage: Usage,
  place: ts.Node,
  initializer: ts.Expression | undefined,
  uses: readonly ts.Expression[],
): Iterable<string> {
  const speaker = new Speaker(usage.scene.checker, place);
  const values = [...(initializer === undefined ? [] : [initializer]), ...uses.flatMap(writtenTo)];
  const offers = values.some(ts.isArrayLiteralExpression)
    ? listTypes(usage, speaker, values, uses)
    : valueTypes(usage, speaker, values, uses, initializer === undefined);
  return new Set(offers.filter((text) => text !== undefined));
}

function valueTypes(
  usage: Usage,
  speaker: Speaker,
  values: readonly ts.Expression[],
  uses: readonly ts.Expression[],
  startsEmpty: boolean,
): (string | undefined)[] {
  const whole = speaker.union(values.flatMap((value) => usage.typesOf(value)));
  const read = speaker.union(uses.flatMap((use) => usage.wantedOf(use)));
  // What is only ever set to null says nothing about what it is when it is not.
  const stored =
    whole === undefined || isEmptyType(whole) ? [] : [whole, startsEmpty ? withType(whole, 'undefined') : undefined];
  return read === undefined ? stored : [...stored, whole === undefined ? read : withType(read, whole), read];
}

function listTypes(
  usage: Usage,
  speaker: Speaker,
  values: readonly ts.Expression[],
  uses: readonly ts.Expression[],
): (string | undefined)[] {
  const put = uses.flatMap(putInto);
  const written = values.flatMap((value) => (ts.isArrayLiteralExpression(value) ? [...value.elements] : []));
  const whole = speaker.union(
    values
      .filter((value) => !ts.isArrayLiteralExpression(value) || (value.elements.length > 0 && put.length === 0))
      .flatMap((value) => usage.typesOf(value)),
  );
  const held = speaker.union([...put, ...written].flatMap((item) => usage.typesOf(item)));
  const list = held === undefined ? undefined : listOf(held);
  const both = list === undefined ? whole : whole === undefined ? list : withType(list, whole);
  return [both, list, whole, 'string[]', 'unknown[]'];
}
