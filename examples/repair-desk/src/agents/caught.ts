import ts from 'typescript';
import { isTypeScript } from '../code/annotations.ts';
import { cast } from '../code/jsdoc.ts';
import { indentOf, nearest, walk, type Draft } from '../code/scene.ts';
import type { Recipe } from './recipe.ts';

/** Says what is caught. */
export const caught: Recipe = {
  id: 'caught-errors',
  name: 'Caught errors',
  role: 'Types what catch clauses catch',
  description:
    'Says what a try and catch has caught: the err or error is of type unknown, and becomes an Error, or a system error with a code, for the whole catch block.',
  capabilities: ['error handling'],
  examples: ["'err' is of type 'unknown'", "'error' is of type 'unknown'", "'e' is of type 'unknown' in a catch block"],
  about: /is of type 'unknown'/,
  *drafts(scene) {
    const { node, source, checker } = scene;
    if (!ts.isIdentifier(node)) return;
    if (isTypeScript(source)) {
      yield* asked(source, node);
      return;
    }
    const here = (type: string): Draft => ({
      title: `${node.text}: ${type}`,
      file: source.fileName,
      changes: cast(source, node, type),
    });
    const symbol = checker.getSymbolAtLocation(node);
    const clause = nearest(node, ts.isCatchClause);
    const name = clause?.variableDeclaration?.name;
    if (clause === undefined || name === undefined || checker.getSymbolAtLocation(name) !== symbol) {
      for (const type of typesFor([node])) yield here(type);
      return;
    }
    const isUse = (each: ts.Node): each is ts.Identifier =>
      ts.isIdentifier(each) && checker.getSymbolAtLocation(each) === symbol;
    for (const type of typesFor([...walk(clause.block)].filter(isUse))) {
      yield once(source, clause, name, type);
      yield here(type);
    }
  },
};

/** In TypeScript it is asked whether it is an error; whatever else was thrown is put into words. */
function* asked(source: ts.SourceFile, use: ts.Identifier): Generator<Draft> {
  const access = use.parent;
  if (!ts.isPropertyAccessExpression(access) || access.expression !== use || access.name.text !== 'message') return;
  const text = `(${use.text} instanceof Error ? ${use.text}.message : String(${use.text}))`;
  const isAlone = ts.isTemplateSpan(access.parent) || ts.isCallExpression(access.parent);
  yield {
    title: `${use.text} instanceof Error`,
    file: source.fileName,
    changes: [{ start: access.getStart(source), end: access.end, text: isAlone ? text.slice(1, -1) : text }],
  };
}

/** One line at the top of the block, so that the rest of it stays as it was. */
function once(source: ts.SourceFile, clause: ts.CatchClause, name: ts.BindingName, type: string): Draft {
  const open = clause.block.getStart(source) + 1;
  const first = clause.block.statements[0];
  const indent = first === undefined ? `${indentOf(source, clause)}  ` : indentOf(source, first);
  const given = name.getText(source);
  const fresh = given === 'caught' ? 'thrown' : 'caught';
  const line = `const ${given} = /** @type {${type}} */ (${fresh});`;
  const breaks = first !== undefined && source.text.slice(open, first.getStart(source)).includes('\n');
  return {
    title: `${given}: ${type}`,
    file: source.fileName,
    changes: [
      { start: name.getStart(source), end: name.end, text: fresh },
      { start: open, end: open, text: breaks ? `\n${indent}${line}` : ` ${line}` },
    ],
  };
}

const usualMembers = ['message', 'name', 'stack', 'cause'];
const systemMembers = ['code', 'errno', 'path', 'syscall'];

/** An error has the members that are asked of it; those of system errors have a type of their own. */
function* typesFor(uses: readonly ts.Identifier[]): Generator<string> {
  const members = new Set(
    uses.flatMap(({ parent }) => (ts.isPropertyAccessExpression(parent) ? [parent.name.text] : [])),
  );
  const own = [...members].filter((member) => !usualMembers.includes(member) && !systemMembers.includes(member));
  const base = [...members].some((member) => systemMembers.includes(member)) ? 'NodeJS.ErrnoException' : 'Error';
  yield own.length === 0 ? base : `${base} & { ${own.map((member) => `${member}?: unknown`).join(', ')} }`;
}
