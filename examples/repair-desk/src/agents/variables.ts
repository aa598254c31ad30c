import ts from 'typescript';
import { noteType } from '../code/jsdoc.ts';
import { nearest, type Draft } from '../code/scene.ts';
import { memberTypes, variableTypes } from '../code/stored-types.ts';
import { commentPlace, isAssignment } from '../code/syntax.ts';
import { Usage } from '../code/usage.ts';
import type { Recipe } from './recipe.ts';

/** Gives variables and members the types of what is stored in them. */
export const variables: Recipe = {
  id: 'variable-types',
  name: 'Variable types',
  role: 'Types variables and members',
  description:
    'Declares what variables and members hold. Where a variable or a member implicitly has type any, or is a list of anything, in some locations where its type cannot be determined, it collects whatever is stored there.',
  capabilities: ['variables', 'members'],
  examples: [
    "Variable 'x' implicitly has type 'any' in some locations where its type cannot be determined",
    "Variable 'x' implicitly has an 'any[]' type",
    "Member 'x' implicitly has an 'any[]' type",
    "Member 'x' implicitly has an 'any' type",
    "'x' implicitly has type 'any' because it is referenced in its own initializer",
    'A variable that starts empty and is filled later',
  ],
  about:
    /^(Variable|Member) '.+' (implicitly has|is used before being assigned)|^'.+' implicitly has type 'any' because it does not have a type annotation and is referenced/,
  *drafts(scene) {
    const { node, checker, source } = scene;
    const usage = new Usage(scene);
    const declaration = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node)?.valueDeclaration : undefined;
    if (declaration !== undefined && ts.isVariableDeclaration(declaration)) {
      for (const type of variableTypes(usage, declaration)) {
        yield typed(commentPlace(declaration), declaration.name.getText(), type);
      }
      return;
    }
    const member = nearest(ts.isBinaryExpression(node) ? node.left : node, isMember);
    const place = member === undefined ? undefined : placeOf(member);
    if (member === undefined || place === undefined) return;
    const name = member.name.getText(source);
    for (const type of memberTypes(usage, name, valueOf(member))) yield typed(place, name, type);
  },
};

type Member = ts.PropertyAccessExpression | ts.PropertyAssignment | ts.PropertyDeclaration;

function isMember(node: ts.Node): node is Member {
  return ts.isPropertyAccessExpression(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node);
}

function typed(place: ts.Node, name: string, type: string): Draft {
  const source = place.getSourceFile();
  return { title: `${name}: ${type}`, file: source.fileName, changes: noteType(source, place, type) };
}

/** Where the type of a member is written: the statement that first stores something in it, or its own line. */
function placeOf(member: Member): ts.Node | undefined {
  if (!ts.isPropertyAccessExpression(member)) return member;
  const statement = nearest(member.parent, ts.isStatement);
  if (statement === undefined || ts.isExpressionStatement(statement)) return statement;
  return ts.isVariableStatement(statement) && statement.declarationList.declarations.length === 1
    ? statement
    : undefined;
}

function valueOf(member: Member): ts.Expression | undefined {
  if (!ts.isPropertyAccessExpression(member)) return member.initializer;
  return isAssignment(member.parent) && member.parent.left === member ? member.parent.right : undefined;
}
