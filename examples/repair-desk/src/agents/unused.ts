import { isBuiltin } from 'node:module';
import ts from 'typescript';
import { codeFixes } from '../code/code-fixes.ts';
import { nearest, type Draft, type Scene } from '../code/scene.ts';
import type { Change } from '../desk/edits.ts';
import type { Recipe } from './recipe.ts';

/** Removes what nobody reads. */
export const unused: Recipe = {
  id: 'unused-code',
  name: 'Unused code',
  role: 'Removes dead code',
  description:
    'Cleans up what is declared but never read: removes unused variables, imports and functions, and puts an underscore before what has to keep its place.',
  capabilities: ['dead code', 'clean-up'],
  examples: [
    "'x' is declared but its value is never read",
    'All imports in this declaration are unused',
    'This is declared and never used',
  ],
  about: /never (read|used)\.|are unused\./,
  *drafts(scene) {
    const { node } = scene;
    const parameter = nearest(node, ts.isParameter);
    if (parameter !== undefined && nearest(node, ts.isBlock) === nearest(parameter, ts.isBlock)) {
      if (ts.isIdentifier(parameter.name)) yield* underscored(scene, parameter, parameter.name);
      return;
    }
    if (mayRemove(node)) yield* removals(scene);
  },
};

/** A leading underscore says "not used" to compiler and reader alike, and the function keeps its number of parameters. */
function* underscored(scene: Scene, parameter: ts.ParameterDeclaration, name: ts.Identifier): Generator<Draft> {
  const { source } = scene;
  const changes: Change[] = [{ start: name.getStart(source), end: name.end, text: `_${name.text}` }];
  for (const tag of ts.getJSDocParameterTags(parameter)) {
    changes.push({ start: tag.name.getStart(source), end: tag.name.end, text: `_${name.text}` });
  }
  yield { title: `_${name.text}`, file: source.fileName, changes };
}

function* removals(scene: Scene): Generator<Draft> {
  yield* codeFixes(
    scene,
    ({ fixName, description }) => fixName.startsWith('unusedIdentifier') && !/prefix|infer|replace/i.test(description),
  );
}

/** Removing a declaration must not remove an effect with it. */
function mayRemove(node: ts.Node): boolean {
  const declaration = nearest(node, ts.isVariableDeclaration);
  const value = declaration?.initializer;
  if (value === undefined) return true;
  if (ts.isCallExpression(value) && ts.isIdentifier(value.expression) && value.expression.text === 'require') {
    const [what] = value.arguments;
    return what !== undefined && ts.isStringLiteral(what) && isBuiltin(what.text);
  }
  return !/\(|\+\+|--|=[^=>]|\bawait\b|\byield\b/.test(ts.isFunctionLike(value) ? '' : value.getText());
}
