import ts from 'typescript';
import { cast, noteType } from '../code/jsdoc.ts';
import { docsOf, nearest, type Draft, type Scene } from '../code/scene.ts';
import { Speaker } from '../code/speak.ts';
import { entryTypes } from '../code/stored-types.ts';
import { commentPlace, isAssignment } from '../code/syntax.ts';
import { Usage } from '../code/usage.ts';
import type { Recipe } from './recipe.ts';

/** Makes objects that serve as dictionaries say so. */
export const keys: Recipe = {
  id: 'dictionaries',
  name: 'Dictionaries',
  role: 'Types lookup tables',
  description:
    "Looks after dictionaries and lookup tables: an element is reached by an expression in square brackets that can't be used to index the type, because there is no index signature. Says that the table is a Record, or which entries there are.",
  capabilities: ['index signatures', 'records'],
  examples: [
    "Element implicitly has an 'any' type because expression of type 'string' can't be used to index type '{}'",
    'No index signature was found on the type',
    'An element of an empty table is set by an expression of type any',
  ],
  about: /can't be used to index type|No index signature|cannot be used as an index type/,
  *drafts(scene) {
    const access = nearest(scene.node, ts.isElementAccessExpression);
    if (access === undefined) return;
    yield* record(scene, access);
    yield* knownKey(scene, access);
    yield* view(scene, access);
  },
};

/** `var table = {}` is declared as a `Record`. */
function* record(scene: Scene, access: ts.ElementAccessExpression): Generator<Draft> {
  const { checker, source } = scene;
  const table = access.expression;
  const declaration = checker.getSymbolAtLocation(table)?.declarations?.[0];
  if (declaration === undefined || declaration.getSourceFile() !== source) return;
  const place = emptyObjectPlace(declaration);
  if (place === undefined || docsOf(place).length > 0) return;
  for (const type of entryTypes(new Usage(scene), table)) {
    const text = `Record<string, ${type}>`;
    yield { title: `${table.getText(source)}: ${text}`, file: source.fileName, changes: noteType(source, place, text) };
  }
}

/** An object with known keys: the key is said to be one of them. */
function* knownKey(scene: Scene, access: ts.ElementAccessExpression): Generator<Draft> {
  const { source, checker } = scene;
  const table = access.expression;
  if (!ts.isIdentifier(table)) return;
  if (checker.getTypeAtLocation(table).getProperties().length === 0) return;
  yield {
    title: `${access.argumentExpression.getText(source)}: keyof ${table.text}`,
    file: source.fileName,
    changes: cast(source, access.argumentExpression, `keyof typeof ${table.text}`),
  };
}

/** Any object can be looked at as a record, of what the place of use wants or else of values nobody knows the type of. */
function* view(scene: Scene, access: ts.ElementAccessExpression): Generator<Draft> {
  const { source, checker } = scene;
  const wanted = checker.getContextualType(access);
  const said = wanted === undefined ? undefined : new Speaker(checker, access).union([wanted]);
  const types = [
    ...(said === undefined ? [] : [`Record<string, ${said}>`]),
    'Record<string, unknown>',
    'Record<PropertyKey, unknown>',
  ];
  for (const type of types) {
    yield {
      title: `${access.expression.getText(source)} as ${type}`,
      file: source.fileName,
      changes: cast(source, access.expression, type),
    };
  }
}

/** Where the type is written, if what is declared starts as an empty object. */
function emptyObjectPlace(declaration: ts.Declaration): ts.Node | undefined {
  if (ts.isVariableDeclaration(declaration))
    return isEmptyObject(declaration.initializer) ? commentPlace(declaration) : undefined;
  const statement = nearest(declaration, ts.isExpressionStatement);
  if (statement === undefined || !isAssignment(statement.expression)) return undefined;
  return isEmptyObject(statement.expression.right) ? statement : undefined;
}

/** `{}`, or `given || {}`. */
function isEmptyObject(value: ts.Expression | undefined): boolean {
  if (value === undefined) return false;
  if (ts.isBinaryExpression(value)) return isEmptyObject(value.right);
  return ts.isObjectLiteralExpression(value) && value.properties.length === 0;
}
