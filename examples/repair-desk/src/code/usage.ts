import ts from 'typescript';
import { nodeAt, walk, type Scene } from './scene.ts';
import { callOf, hasSpread, isAssignment, isComparison, nameOf, type Call } from './syntax.ts';

/** How far the trail of one untyped name into another is followed. */
const deepest = 3;

/** Reads out of a program how its names are used: who calls, what is handed over, what a place would like to have. */
export class Usage {
  readonly scene: Scene;
  readonly #calls = new Map<ts.Node, readonly Call[]>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Every place where a name is used, its declarations left out. */
  usesOf(name: ts.Node, within: ts.Node): ts.Identifier[] {
    if (!ts.isIdentifier(name)) return [];
    const { checker } = this.scene;
    const symbol = checker.getSymbolAtLocation(name);
    const isUse = (node: ts.Node): node is ts.Identifier =>
      ts.isIdentifier(node) &&
      node.text === name.text &&
      !(ts.isParameter(node.parent) && node.parent.name === node) &&
      !(ts.isVariableDeclaration(node.parent) && node.parent.name === node) &&
      !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node);
    return [...walk(within)].filter(isUse).filter((node) => checker.getSymbolAtLocation(node) === symbol);
  }

  /** Every call of a function, through whatever name it goes by. */
  callsOf(declaration: ts.SignatureDeclaration): readonly Call[] {
    const known = this.#calls.get(declaration);
    if (known !== undefined) return known;
    const name = nameOf(declaration);
    const calls = name === undefined ? [] : this.#callsBy(name, true);
    this.#calls.set(declaration, calls);
    return calls;
  }

  /** Whether calls leave a parameter out. */
  isOmitted(parameter: ts.ParameterDeclaration): boolean {
    const index = parameter.parent.parameters.indexOf(parameter);
    return this.callsOf(parameter.parent).some((call) => (call.arguments?.length ?? 0) <= index && !hasSpread(call));
  }

  /** The types of what is handed to a parameter. */
  handedTo(parameter: ts.ParameterDeclaration, depth = deepest): ts.Type[] {
    const index = parameter.parent.parameters.indexOf(parameter);
    const handed = this.callsOf(parameter.parent).flatMap((call) => {
      const given = hasSpread(call) ? [] : (call.arguments ?? []);
      return parameter.dotDotDotToken === undefined ? given.slice(index, index + 1) : given.slice(index);
    });
    const values = parameter.initializer === undefined ? handed : [...handed, parameter.initializer];
    return [...values.flatMap((value) => this.typesOf(value, depth)), ...this.#fromCollection(parameter, index, depth)];
  }

  /** The types of an expression; where it is an untyped parameter, what is known of that. */
  typesOf(expression: ts.Expression, depth = deepest): ts.Type[] {
    const { checker } = this.scene;
    const type = checker.getTypeAtLocation(expression);
    if (!(type.flags & ts.TypeFlags.Any)) return [type];
    if (depth <= 0) return [];
    const inner = ts.isParenthesizedExpression(expression) ? expression.expression : expression;
    if (ts.isBinaryExpression(inner) && choosing.has(inner.operatorToken.kind)) {
      return [...this.typesOf(inner.left, depth), ...this.typesOf(inner.right, depth)];
    }
    const declaration = ts.isIdentifier(inner) ? checker.getSymbolAtLocation(inner)?.valueDeclaration : undefined;
    if (declaration === undefined || !ts.isParameter(declaration)) return [];
    return this.handedTo(declaration, depth - 1);
  }

  /** What the place where an expression stands would like it to be. */
  wantedOf(use: ts.Expression): ts.Type[] {
    const { checker } = this.scene;
    const { parent } = use;
    if (ts.isBinaryExpression(parent)) {
      if (calculating.has(parent.operatorToken.kind)) return [checker.getNumberType()];
      if (parent.operatorToken.kind !== ts.SyntaxKind.PlusToken && !isComparison(parent)) return [];
      const other = checker.getTypeAtLocation(parent.left === use ? parent.right : parent.left);
      const telling = other.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike);
      return telling ? [checker.getBaseTypeOfLiteralType(other)] : [];
    }
    if (!ts.isCallOrNewExpression(parent) || parent.expression === use) return [];
    const type = checker.getContextualType(use);
    if (type === undefined || type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter))
      return [];
    return [type];
  }

  /** The calls through one name, and through the member it is put into: `Store.prototype.load = load`. */
  #callsBy(name: ts.Node, alsoAliases: boolean): Call[] {
    const { compiler } = this.scene;
    const program = compiler.program();
    const source = name.getSourceFile();
    const references = compiler.service.getReferencesAtPosition(source.fileName, name.getStart(source)) ?? [];
    return references.flatMap(({ fileName, textSpan }) => {
      const file = program.getSourceFile(fileName);
      if (file === undefined || file.isDeclarationFile) return [];
      const use = nodeAt(file, textSpan.start, textSpan.start + textSpan.length);
      const call = callOf(use);
      if (call !== undefined) return [call];
      const { parent } = use;
      const stored = isAssignment(parent) && parent.right === use && ts.isPropertyAccessExpression(parent.left);
      return stored && alsoAliases ? this.#callsBy(parent.left.name, false) : [];
    });
  }

  /** `list.map(function (item, index) {})`: what the list holds, where the compiler does not see it. */
  #fromCollection(parameter: ts.ParameterDeclaration, index: number, depth: number): ts.Type[] {
    const { checker } = this.scene;
    const call = parameter.parent.parent;
    if (!ts.isCallExpression(call) || call.arguments[0] !== (parameter.parent as ts.Node)) return [];
    if (!ts.isPropertyAccessExpression(call.expression)) return [];
    const method = call.expression.name.text;
    if (!visiting.has(method)) return [];
    if (index === 1 && method !== 'sort') return [checker.getNumberType()];
    return this.typesOf(call.expression.expression, depth - 1).flatMap((list) => {
      const element = checker.getIndexTypeOfType(list, ts.IndexKind.Number);
      return element === undefined || element.flags & ts.TypeFlags.Any ? [] : [element];
    });
  }
}

const visiting: ReadonlySet<string> = new Set(['map', 'filter', 'forEach', 'some', 'every', 'find', 'flatMap', 'sort']);

const choosing: ReadonlySet<ts.SyntaxKind> = new Set([ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken]);

const calculating: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.MinusToken,
  ts.SyntaxKind.AsteriskToken,
  ts.SyntaxKind.SlashToken,
  ts.SyntaxKind.PercentToken,
]);
