import ts from 'typescript';
import { codeFixes } from '../code/code-fixes.ts';
import { parameterTags } from '../code/jsdoc.ts';
import { docsOf, nearest, walk, type Draft, type Scene } from '../code/scene.ts';
import { Usage } from '../code/usage.ts';
import { listOf, Speaker } from '../code/speak.ts';
import type { Recipe } from './recipe.ts';

/** Puts existing JSDoc comments right. */
export const docs: Recipe = {
  id: 'doc-comments',
  name: 'Doc comments',
  role: 'Corrects documentation',
  description:
    'Corrects documentation comments that the compiler cannot make sense of: a generic type that requires type arguments, such as Promise of nothing in particular, a tag for something that is not there, a misspelt type.',
  capabilities: ['documentation', 'generics'],
  examples: [
    "Generic type 'Array<T>' requires 1 type argument(s)",
    "Generic type 'Promise<T>' requires 1 type argument(s)",
    "A '@param' tag has a name, but there is no such thing",
    "Cannot find name 'Int' in a comment",
  ],
  about: /^Generic type|^JSDoc|^Cannot find name/,
  *drafts(scene) {
    const { message } = scene.finding;
    if (message.startsWith('Generic type')) yield* argued(scene);
    else if (message.startsWith('JSDoc')) yield* renamed(scene);
    else yield* spelt(scene);
  },
};

/** `Array` becomes an array of something, `Promise` a promise of something. */
function* argued(scene: Scene): Generator<Draft> {
  const { node, source } = scene;
  const reference = nearest(node, ts.isTypeReferenceNode);
  if (reference === undefined) return;
  const name = reference.typeName.getText(source);
  for (const type of name === 'Promise' ? promised(scene, reference) : held(scene, reference)) {
    const text = name === 'Array' ? listOf(type) : `${name}<${type}>`;
    yield {
      title: text,
      file: source.fileName,
      changes: [{ start: reference.getStart(source), end: reference.end, text }],
    };
  }
}

function* held(scene: Scene, reference: ts.TypeReferenceNode): Generator<string> {
  const { checker } = scene;
  const tag = nearest(
    reference,
    (node): node is ts.JSDocTag => ts.isJSDocParameterTag(node) || ts.isJSDocReturnTag(node) || ts.isJSDocTypeTag(node),
  );
  const declaration = documented(reference);
  const speaker = new Speaker(checker, declaration ?? scene.source);
  const lists: ts.Type[] = [];
  if (tag !== undefined && declaration !== undefined && ts.isJSDocParameterTag(tag)) {
    const parameter = declaration.parameters.find((each) => each.name.getText() === tag.name.getText());
    if (parameter !== undefined) lists.push(...new Usage(scene).handedTo(parameter));
  } else if (tag !== undefined && declaration !== undefined && ts.isJSDocReturnTag(tag)) {
    lists.push(...returned(scene, declaration));
  }
  const elements = lists.flatMap((list) => checker.getIndexTypeOfType(list, ts.IndexKind.Number) ?? []);
  const text = speaker.union(elements);
  if (text !== undefined) yield text;
  if (text !== 'string') yield 'string';
  yield 'unknown';
}

function* promised(scene: Scene, reference: ts.TypeReferenceNode): Generator<string> {
  const declaration = documented(reference);
  const types = declaration === undefined ? [] : returned(scene, declaration);
  const awaited = types.flatMap((type) => scene.checker.getAwaitedType(type) ?? []);
  const text = new Speaker(scene.checker, declaration ?? scene.source).union(awaited);
  if (text !== undefined) yield text;
  yield 'void';
  yield 'unknown';
}

function returned(scene: Scene, declaration: ts.SignatureDeclaration): ts.Type[] {
  const inside = [...walk(declaration, (node) => !ts.isFunctionLike(node))];
  return inside.flatMap((node) =>
    ts.isReturnStatement(node) && node.expression !== undefined
      ? [scene.checker.getTypeAtLocation(node.expression)]
      : [],
  );
}

/** A tag for a parameter that is called otherwise takes the name of the parameter at its place. */
function* renamed(scene: Scene): Generator<Draft> {
  const { source, node } = scene;
  const tag = nearest(node, ts.isJSDocParameterTag);
  const declaration = documented(node);
  if (tag === undefined || declaration === undefined) return;
  const tags = ts.isJSDoc(tag.parent) ? parameterTags(tag.parent) : [];
  const names = declaration.parameters.map(({ name }) => name.getText(source));
  const free = names.filter((name) => !tags.some((each) => each.name.getText(source) === name));
  const atPlace = names[tags.indexOf(tag)];
  for (const name of new Set([...(atPlace !== undefined && free.includes(atPlace) ? [atPlace] : []), ...free])) {
    yield {
      title: `@param ${name}`,
      file: source.fileName,
      changes: [{ start: tag.name.getStart(source), end: tag.name.end, text: name }],
    };
  }
  const line = source.text.lastIndexOf('\n', tag.getStart(source));
  const next = source.text.indexOf('\n', tag.name.end);
  if (free.length === 0 && next >= 0)
    yield {
      title: `without @param ${tag.name.getText(source)}`,
      file: source.fileName,
      changes: [{ start: line, end: next, text: '' }],
    };
}

/** A name the compiler has a better suggestion for. */
function* spelt(scene: Scene): Generator<Draft> {
  const { finding, node, source } = scene;
  if (!nearest(node, ts.isJSDoc)) return;
  const name = node.getText(source);
  const usual = new Map([
    ['Int', 'number'],
    ['Integer', 'number'],
    ['Bool', 'boolean'],
    ['Fn', 'Function'],
    ['Callback', 'Function'],
    ['Hash', 'Record<string, unknown>'],
    ['Mixed', 'unknown'],
  ]);
  const better = usual.get(name);
  if (better !== undefined)
    yield {
      title: better,
      file: finding.file,
      changes: [{ start: finding.start, end: finding.start + finding.length, text: better }],
    };
  yield* codeFixes(scene, ({ fixName }) => fixName === 'spelling');
}

/** The function that a comment is about. */
function documented(inside: ts.Node): ts.SignatureDeclaration | undefined {
  const doc = nearest(inside, ts.isJSDoc);
  if (doc === undefined) return undefined;
  const host = doc.parent;
  if (ts.isFunctionLike(host)) return host;
  for (const node of walk(host)) if (ts.isFunctionLike(node) && docsOf(host).includes(doc)) return node;
  return undefined;
}
