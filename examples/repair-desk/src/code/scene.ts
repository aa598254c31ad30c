import ts from 'typescript';
import type { Change } from '../desk/edits.ts';
import type { Compiler, Finding } from '../desk/compiler.ts';

/** One idea for a repair: edits of one file, and what they do in words. */
export interface Draft {
  readonly title: string;
  readonly file: string;
  readonly changes: readonly Change[];
}

/** What a recipe looks at: the complaint, the code it points at, and the compiler to ask. */
export interface Scene {
  readonly compiler: Compiler;
  readonly checker: ts.TypeChecker;
  readonly finding: Finding;
  readonly source: ts.SourceFile;
  /** The outermost node that is exactly what the complaint points at. */
  readonly node: ts.Node;
}

/** Opens the scene of a finding in the files as they are. */
export function openScene(compiler: Compiler, finding: Finding): Scene | undefined {
  const program = compiler.program();
  const source = program.getSourceFile(finding.file);
  if (source === undefined) return undefined;
  const node = nodeAt(source, finding.start, finding.start + finding.length);
  return { compiler, checker: program.getTypeChecker(), finding, source, node };
}

/** The outermost node that spans exactly this range, or else the innermost that holds it. JSDoc is looked into as well. */
export function nodeAt(source: ts.SourceFile, start: number, end: number): ts.Node {
  let found: ts.Node = source;
  const visit = (node: ts.Node): void => {
    const from = ts.isJSDoc(node) || ts.isSourceFile(node) ? node.pos : node.getStart(source, true);
    if (from > start || node.end < end) return;
    const exact = found !== source && found.getStart(source) === start && found.end === end;
    if (!exact) found = node;
    for (const child of [...docsOf(node), ...childrenOf(node)]) visit(child);
  };
  visit(source);
  return found;
}

/** The JSDoc blocks that hang on a node. */
export function docsOf(node: ts.Node): readonly ts.JSDoc[] {
  // The compiler keeps them in a field it does not declare on Node.
  return (node as { readonly jsDoc?: readonly ts.JSDoc[] }).jsDoc ?? [];
}

/** The direct children of a node. */
function childrenOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  return children;
}

/** Every node below, in reading order, as far as `enter` allows. */
export function* walk(node: ts.Node, enter: (node: ts.Node) => boolean = () => true): Generator<ts.Node> {
  for (const child of childrenOf(node)) {
    yield child;
    if (enter(child)) yield* walk(child, enter);
  }
}

/** The nearest ancestor, the node itself included, that passes the test. */
export function nearest<T extends ts.Node>(
  node: ts.Node | undefined,
  test: (node: ts.Node) => node is T,
): T | undefined {
  for (let at = node; at !== undefined; at = at.parent) if (test(at)) return at;
  return undefined;
}

/** The white space that a node's line starts with. */
export function indentOf(source: ts.SourceFile, node: ts.Node): string {
  const start = node.getStart(source);
  const line = source.text.lastIndexOf('\n', start - 1) + 1;
  return /^[ \t]*/.exec(source.text.slice(line, start))![0];
}

/** Whether nothing but white space stands before a node on its line. */
export function startsItsLine(source: ts.SourceFile, node: ts.Node): boolean {
  const start = node.getStart(source);
  return source.text.slice(source.text.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
}
