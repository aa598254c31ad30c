import ts from 'typescript';
import { annotateParameters, isTypeScript, writtenType } from '../code/annotations.ts';
import { docHost, noteParameters, type ParameterNote } from '../code/jsdoc.ts';
import { nearest, type Draft, type Scene } from '../code/scene.ts';
import { parameterTypes } from '../code/parameter-types.ts';
import { Usage } from '../code/usage.ts';
import type { Change } from '../desk/edits.ts';
import type { Recipe } from './recipe.ts';

/** Gives parameters the types that their callers and their uses ask for. */
export const parameters: Recipe = {
  id: 'parameter-types',
  name: 'Parameter types',
  role: 'Types function parameters',
  description:
    'Types parameters. Where a parameter implicitly has an any type, it looks at what callers hand to the parameter and at what is done with it, and documents the parameter.',
  capabilities: ['parameters'],
  examples: [
    "Parameter 'x' implicitly has an 'any' type",
    "Rest parameter 'rest' implicitly has an 'any[]' type",
    'The parameters of this callback are untyped',
    'This parameter has no type',
  ],
  about: /^(Parameter|Rest parameter) '.+' implicitly has an/,
  *drafts(scene) {
    const parameter = nearest(scene.node, ts.isParameter);
    if (parameter === undefined || !ts.isIdentifier(parameter.name)) return;
    const usage = new Usage(scene);
    for (const type of parameterTypes(usage, parameter)) yield draft(usage, new Map([[parameter, type]]));
    const together = new Map<ts.ParameterDeclaration, string>();
    for (const other of parameter.parent.parameters.filter((each) => isUntyped(scene, each))) {
      for (const type of parameterTypes(usage, other)) {
        together.set(other, type);
        break;
      }
    }
    if (together.size > 1) yield draft(usage, together);
  },
};

function draft(usage: Usage, types: ReadonlyMap<ts.ParameterDeclaration, string>): Draft {
  const { source } = usage.scene;
  const [first] = types.keys();
  const declaration = first!.parent;
  const host = docHost(declaration);
  const title = [...types].map(([{ name }, type]) => `${name.getText(source)}: ${type}`).join(', ');
  if (host === undefined && !isTypeScript(source)) {
    return { title, file: source.fileName, changes: [...types].flatMap(([each, type]) => inline(source, each, type)) };
  }
  const notes = declaration.parameters.flatMap((each): ParameterNote[] => {
    const type = types.get(each);
    const isRest = each.dotDotDotToken !== undefined;
    const optional = each.initializer === undefined && !isRest && usage.isOmitted(each);
    // A parameter without a line of its own is taken to be required as soon as another one has a line.
    if (type === undefined && !optional) return [];
    return [
      { name: each.name.getText(source), type: type !== undefined && isRest ? `...${itemOf(type)}` : type, optional },
    ];
  });
  if (host === undefined || isTypeScript(source)) {
    return { title, file: source.fileName, changes: annotateParameters(declaration, notes) };
  }
  const order = declaration.parameters.map(({ name }) => name.getText(source));
  return { title, file: source.fileName, changes: noteParameters(source, host, order, notes) };
}

/** A callback has no place for a block of its own, so that the type stands in the list of parameters. */
function inline(source: ts.SourceFile, parameter: ts.ParameterDeclaration, type: string): Change[] {
  const start = parameter.getStart(source);
  const note = `/** @type {${type}} */ `;
  const isBare = ts.isArrowFunction(parameter.parent) && parameter.parent.getStart(source) === start;
  if (!isBare) return [{ start, end: start, text: note }];
  return [
    { start, end: start, text: `(${note}` },
    { start: parameter.end, end: parameter.end, text: ')' },
  ];
}

function isUntyped({ checker }: Scene, parameter: ts.ParameterDeclaration): boolean {
  if (!ts.isIdentifier(parameter.name) || writtenType(parameter) !== undefined) return false;
  return (checker.getTypeAtLocation(parameter).flags & ts.TypeFlags.Any) !== 0;
}

function itemOf(list: string): string {
  const item = list.replace(/\[\]$/, '');
  return item.startsWith('(') || !/[|&]/.test(item) ? item : `(${item})`;
}
