import ts from 'typescript';
import { guardsOf } from './guards.ts';
import { walk } from './scene.ts';
import { isEmptyType, joinTypes, listOf, Speaker, splitUnion } from './speak.ts';
import { callOf, isCondition, putInto, writtenTo } from './syntax.ts';
import type { Usage } from './usage.ts';

/** How far a parameter that is handed on is followed. */
const deepest = 3;

/** Type texts for a parameter, the most precise first: by its callers, by what the code asks of it, by what it is used as. */
export function* parameterTypes(usage: Usage, parameter: ts.ParameterDeclaration): Generator<string> {
  const told = new Set<string>();
  for (const text of candidates(usage, parameter)) {
    if (text === undefined || told.has(text)) continue;
    told.add(text);
    yield text;
  }
}

function* candidates(usage: Usage, parameter: ts.ParameterDeclaration): Generator<string | undefined> {
  const speaker = new Speaker(usage.scene.checker, parameter);
  const handed = speaker.union(usage.handedTo(parameter));
  if (parameter.dotDotDotToken !== undefined) {
    if (handed !== undefined) yield listOf(handed);
    yield 'unknown[]';
    return;
  }
  // Nothing but null or undefined in sight says that the others are out of sight, not that there are none.
  const called = handed === undefined || isEmptyType(handed) ? undefined : handed;
  const guards = guardsOf(usage, parameter);
  const guarded = guards.every(isEmptyType) ? undefined : joinTypes(guards);
  yield both(called, guarded);
  yield called;
  const duck = duckType(usage, parameter, speaker);
  yield both(guarded, duck);
  if (called !== undefined && duck !== undefined) yield both(called, duck);
  yield duck;
  yield wantedType(usage, parameter, speaker);
  yield guarded;
  yield callableType(usage, parameter, speaker);
  const shape = shapeType(usage, parameter, speaker);
  if (shape !== undefined && handed !== undefined && splitUnion(handed).includes('undefined'))
    yield both(shape, 'undefined');
  yield shape;
  yield 'unknown';
}

function both(left: string | undefined, right: string | undefined): string | undefined {
  return joinTypes([left, right].flatMap((text) => (text === undefined ? [] : splitUnion(text))));
}

function usesOf(usage: Usage, parameter: ts.ParameterDeclaration): ts.Identifier[] {
  return usage.usesOf(parameter.name, parameter.parent);
}

/** What a place where the parameter stands would like to have, here or in the function it is handed on to. */
function wantedType(usage: Usage, parameter: ts.ParameterDeclaration, speaker: Speaker): string | undefined {
  for (const use of usesOf(usage, parameter)) {
    const said = speaker.union(usage.wantedOf(use));
    if (said !== undefined) return said;
  }
  return forwardedType(usage, parameter, speaker, deepest);
}

function forwardedType(
  usage: Usage,
  parameter: ts.ParameterDeclaration,
  speaker: Speaker,
  depth: number,
): string | undefined {
  if (depth <= 0) return undefined;
  for (const use of usesOf(usage, parameter)) {
    const call = use.parent;
    if (!ts.isCallOrNewExpression(call) || call.expression === use) continue;
    const declaration = usage.scene.checker.getResolvedSignature(call)?.declaration;
    const target = declaration?.parameters[call.arguments?.indexOf(use) ?? -1];
    if (target === undefined || target === parameter || !ts.isParameter(target)) continue;
    const guard = guardsOf(usage, target).find((text) => !isEmptyType(text));
    const text = duckType(usage, target, speaker) ?? guard ?? forwardedType(usage, target, speaker, depth - 1);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** What has all the members that are asked of a parameter: a string, a list, an expression, a class of the project. */
function duckType(usage: Usage, parameter: ts.ParameterDeclaration, speaker: Speaker): string | undefined {
  const { checker } = usage.scene;
  const uses = usesOf(usage, parameter);
  const names = [...new Set(uses.flatMap((use) => memberOf(use)?.name.text ?? []))];
  if (names.length === 0) return undefined;
  const hasAll = (type: ts.Type): boolean => names.every((name) => checker.getPropertyOfType(type, name) !== undefined);
  const global = (name: string): boolean => {
    const symbol = checker.getSymbolsInScope(parameter, ts.SymbolFlags.Type).find((each) => each.name === name);
    return symbol !== undefined && hasAll(checker.getDeclaredTypeOfSymbol(symbol));
  };
  const list = (): string => listOf(speaker.union(itemTypes(usage, uses)) ?? 'unknown');
  if (names.every((name) => onStringsAndLists.has(name))) {
    const name = parameter.name.getText();
    return listName.test(name) ? list() : textName.test(name) ? 'string' : `string | ${list()}`;
  }
  const simple = [checker.getStringType(), checker.getNumberType(), ...classesOf(usage)].find(hasAll);
  if (simple !== undefined) return speaker.say(simple);
  return ['RegExp', 'Error', 'Date', 'Function'].find(global) ?? (global('Array') ? list() : undefined);
}

/** Members that strings and lists share say nothing; then the name of the parameter has to. */
const onStringsAndLists = new Set(['length', 'slice', 'concat', 'indexOf', 'lastIndexOf', 'includes', 'at']);
const listName = /([^s]s|list|array|operands|items)$/i;
const textName = /^(s|str|text|line|name|word|key|id|path|flag|arg)$|(name|text|key|path|string)$/i;

/** What is put into a list, and what its items are used as. */
function itemTypes(usage: Usage, uses: readonly ts.Identifier[]): ts.Type[] {
  const put = uses.flatMap(putInto).flatMap((value) => usage.typesOf(value));
  const wanted = uses.flatMap(({ parent }) => (ts.isElementAccessExpression(parent) ? usage.wantedOf(parent) : []));
  return [...put, ...wanted];
}

/** The classes of the project, old-fashioned constructor functions included. */
function classesOf({ scene: { compiler, checker } }: Usage): ts.Type[] {
  const program = compiler.program();
  return compiler.files.flatMap((file) =>
    [...walk(program.getSourceFile(file)!)].flatMap((node) => {
      if (!ts.isClassDeclaration(node) && !ts.isFunctionDeclaration(node)) return [];
      const symbol = node.name === undefined ? undefined : checker.getSymbolAtLocation(node.name);
      return symbol !== undefined && symbol.flags & ts.SymbolFlags.Class
        ? [checker.getDeclaredTypeOfSymbol(symbol)]
        : [];
    }),
  );
}

/** A function type for a parameter that is called. */
function callableType(usage: Usage, parameter: ts.ParameterDeclaration, speaker: Speaker): string | undefined {
  const calls = usesOf(usage, parameter).flatMap((use) => callOf(use) ?? []);
  const first = calls[0];
  if (first === undefined) return undefined;
  const parameters = (first.arguments ?? []).map((argument, index) => {
    const types = calls.flatMap((call) => {
      const given = call.arguments?.[index];
      return given === undefined ? [] : usage.typesOf(given);
    });
    const name = ts.isIdentifier(argument) ? argument.text : `argument${index + 1}`;
    return `${name}: ${speaker.union(types) ?? 'unknown'}`;
  });
  const isUsed = calls.some((call) => !ts.isExpressionStatement(call.parent));
  return `(${parameters.join(', ')}) => ${isUsed ? 'unknown' : 'void'}`;
}

/** An object type out of the members that are asked for. */
function shapeType(usage: Usage, parameter: ts.ParameterDeclaration, speaker: Speaker): string | undefined {
  const members = new Map<string, string>();
  for (const member of usesOf(usage, parameter).flatMap((use) => memberOf(use) ?? [])) {
    const stored = writtenTo(member).flatMap((value) => usage.typesOf(value));
    const said = speaker.union([...usage.wantedOf(member), ...stored]) ?? (isCondition(member) ? 'boolean' : 'unknown');
    if ((members.get(member.name.text) ?? 'unknown') === 'unknown') members.set(member.name.text, said);
  }
  if (members.size === 0) return undefined;
  return `{ ${[...members].map(([name, type]) => `${name}?: ${type}`).join(', ')} }`;
}

function memberOf(use: ts.Identifier): ts.PropertyAccessExpression | undefined {
  return ts.isPropertyAccessExpression(use.parent) && use.parent.expression === use ? use.parent : undefined;
}
