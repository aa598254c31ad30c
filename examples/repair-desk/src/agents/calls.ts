import ts from 'typescript';
import { annotateParameters, isTypeScript, writtenType } from '../code/annotations.ts';
import { cast, docHost, noteType } from '../code/jsdoc.ts';
import { docsOf, nearest, walk, type Draft, type Scene } from '../code/scene.ts';
import { isEmptyType, Speaker, withType } from '../code/speak.ts';
import { functionOf } from '../code/syntax.ts';
import type { Change } from '../desk/edits.ts';
import type { Recipe } from './recipe.ts';

/** Brings calls and the functions they call together. */
export const calls: Recipe = {
  id: 'calls',
  name: 'Calls and arguments',
  role: 'Fits calls to signatures',
  description:
    'Fits calls to what they call. Where more or fewer arguments are expected than the call has got, or an argument is not assignable, or no overload matches this call, it makes an argument optional or widens what is accepted.',
  capabilities: ['calls', 'overloads'],
  examples: [
    'Expected 3 arguments, but got 2',
    'Expected at least 1 arguments, but got 0',
    'Expected 1 arguments, but got 4',
    "Argument of type 'number' is not assignable",
    'No overload matches this call',
  ],
  about: /^Expected .+ arguments?, but got|^Argument of type|^No overload matches|^A required parameter cannot follow/,
  *drafts(scene) {
    const { message } = scene.finding;
    if (message.startsWith('A required parameter')) yield* optionalFrom(scene);
    const call = nearest(scene.node, ts.isCallOrNewExpression);
    if (call === undefined) return;
    const declaration = declarationOf(scene, call);
    if (message.startsWith('Expected')) {
      if (declaration === undefined) return;
      const given = call.arguments?.length ?? 0;
      if (given > declaration.parameters.length) yield* variadic(scene, declaration);
      else yield* optional(declaration, given);
      return;
    }
    const argument = call.arguments?.find((each) => each.pos <= scene.finding.start && scene.finding.start < each.end);
    if (argument === undefined) return;
    if (declaration !== undefined) yield* widened(scene, declaration, call.arguments!.indexOf(argument), argument);
    yield* said(scene, argument);
  },
};

/** Puts the names that a call leaves out into brackets: `@param {T} [name]`. */
function* optional(declaration: ts.SignatureDeclaration, given: number): Generator<Draft> {
  const file = declaration.getSourceFile().fileName;
  if (isTypeScript(declaration.getSourceFile())) {
    const left = declaration.parameters.slice(given).map(({ name }) => name.getText());
    const notes = left.map((name) => ({ name, type: undefined, optional: true }));
    yield { title: `optional: ${left.join(', ')}`, file, changes: annotateParameters(declaration, notes) };
    return;
  }
  const changes: Change[] = [];
  const names: string[] = [];
  for (const parameter of declaration.parameters.slice(given)) {
    for (const tag of ts.getJSDocParameterTags(parameter)) {
      const source = tag.getSourceFile();
      if (tag.isBracketed || !ts.isIdentifier(tag.name)) continue;
      names.push(tag.name.text);
      changes.push(
        { start: tag.name.getStart(source), end: tag.name.getStart(source), text: '[' },
        { start: tag.name.end, end: tag.name.end, text: ']' },
      );
    }
  }
  if (changes.length > 0) yield { title: `optional: ${names.join(', ')}`, file, changes };
}

/** A function that is handed more than it names, as a switched-off logger is: its type says that it takes whatever comes. */
function* variadic(scene: Scene, declaration: ts.SignatureDeclaration): Generator<Draft> {
  const host = docHost(declaration);
  // In TypeScript a superfluous argument is more likely a mistake than a habit.
  if (host === undefined || host === (declaration as ts.Node) || isTypeScript(host.getSourceFile())) return;
  const { checker } = scene;
  const signature = checker.getSignatureFromDeclaration(declaration);
  const result =
    signature === undefined ? undefined : new Speaker(checker, host).say(checker.getReturnTypeOfSignature(signature));
  const named = declaration.parameters.map(
    ({ name }) => `${name.getText()}: ${new Speaker(checker, host).say(checker.getTypeAtLocation(name)) ?? 'unknown'}`,
  );
  const type = `(${[...named, '...rest: unknown[]'].join(', ')}) => ${result ?? 'unknown'}`;
  const source = declaration.getSourceFile();
  yield { title: type, file: source.fileName, changes: noteType(source, host, type) };
}

/** What follows an optional parameter is optional too. */
function* optionalFrom(scene: Scene): Generator<Draft> {
  const declaration = functionOf(scene.node) ?? documented(scene);
  const first = declaration?.parameters.findIndex((parameter) =>
    ts.getJSDocParameterTags(parameter).some(({ isBracketed }) => isBracketed),
  );
  if (declaration !== undefined && first !== undefined && first >= 0) yield* optional(declaration, first);
}

function documented(scene: Scene): ts.SignatureDeclaration | undefined {
  for (const node of walk(scene.source)) {
    if (docsOf(node).some((doc) => doc.pos <= scene.finding.start && scene.finding.start < doc.end)) {
      return [node, ...walk(node)].find((each): each is ts.SignatureDeclaration => ts.isFunctionLike(each));
    }
  }
  return undefined;
}

/** The documented type of the parameter takes in what is passed. */
function* widened(
  scene: Scene,
  declaration: ts.SignatureDeclaration,
  index: number,
  argument: ts.Expression,
): Generator<Draft> {
  const parameter = declaration.parameters[index];
  const type = parameter === undefined ? undefined : writtenType(parameter);
  const passed = new Speaker(scene.checker, declaration).union([scene.checker.getTypeAtLocation(argument)]);
  if (type === undefined || passed === undefined) return;
  if (isTypeScript(type.getSourceFile()) && !isEmptyType(passed)) return;
  const source = type.getSourceFile();
  const text = withType(type.getText(source), passed);
  yield {
    title: `parameter ${index + 1}: ${text}`,
    file: source.fileName,
    changes: [{ start: type.getStart(source), end: type.end, text }],
  };
}

/** The argument is said to be what the parameter wants, where the types overlap. */
function* said(scene: Scene, argument: ts.Expression): Generator<Draft> {
  const { checker, source } = scene;
  const wanted = checker.getContextualType(argument);
  const type =
    wanted === undefined ? undefined : new Speaker(checker, argument).union([checker.getNonNullableType(wanted)]);
  if (type === undefined) return;
  yield {
    title: `${argument.getText(source).slice(0, 40)}: ${type}`,
    file: source.fileName,
    changes: cast(source, argument, type),
  };
}

function declarationOf(scene: Scene, call: ts.CallExpression | ts.NewExpression): ts.SignatureDeclaration | undefined {
  const declaration = scene.checker.getResolvedSignature(call)?.declaration;
  if (declaration === undefined || ts.isJSDocSignature(declaration)) return undefined;
  return scene.compiler.files.includes(declaration.getSourceFile().fileName) ? declaration : undefined;
}
