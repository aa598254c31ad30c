import { dirname, relative, sep } from 'node:path';
import ts from 'typescript';

/** How long a type may get before nobody would write it down. */
const longest = 120;

const format =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

/**
 * Writes types the way a person would put them into a JSDoc comment at some place. A type that says nothing (`any`),
 * or that cannot be said shortly, is `undefined`.
 */
export class Speaker {
  readonly #checker: ts.TypeChecker;
  readonly #place: ts.Node;

  constructor(checker: ts.TypeChecker, place: ts.Node) {
    this.#checker = checker;
    this.#place = place;
  }

  /** The union of these types in words; those that say nothing are left out, and so are those another one covers. */
  union(types: readonly ts.Type[]): string | undefined {
    const parts: ts.Type[] = [];
    for (const type of types) {
      const wide = this.#checker.getBaseTypeOfLiteralType(type);
      for (const part of wide.isUnion() && wide.aliasSymbol === undefined ? wide.types : [wide])
        parts.push(this.#widen(part));
    }
    const telling = parts.filter((type) => this.#isTelling(type));
    const words = new Set<string>();
    for (const type of telling) {
      if (telling.some((other) => other !== type && this.#covers(other, type))) continue;
      const said = this.say(type);
      if (said === undefined) return undefined;
      words.add(said);
    }
    return joinTypes([...words]);
  }

  /** One type in words. */
  say(type: ts.Type): string | undefined {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Never)) return undefined;
    const local = this.#fromElsewhere(type);
    const text = local ?? this.#checker.typeToString(type, this.#place, format);
    return text.length <= longest && isTelling(text) ? text : undefined;
  }

  #isTelling(type: ts.Type): boolean {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Never | ts.TypeFlags.Unknown)) return false;
    return this.#checker.typeToString(type) !== '{}';
  }

  #widen(type: ts.Type): ts.Type {
    return this.#checker.getBaseTypeOfLiteralType(this.#checker.getWidenedType(type));
  }

  /** Whether one type says all that the other does. Of two that say the same, the first in the alphabet covers. */
  #covers(other: ts.Type, type: ts.Type): boolean {
    const [ours, theirs] = [type, other].map((each) => this.#checker.typeToString(each));
    if (ours === theirs || !this.#checker.isTypeAssignableTo(type, other)) return false;
    return !this.#checker.isTypeAssignableTo(other, type) || theirs! < ours!;
  }

  /** A class or an interface of another module has to be imported where it is not known by its name. */
  #fromElsewhere(type: ts.Type): string | undefined {
    const symbol = type.aliasSymbol ?? type.getSymbol();
    const declaration = symbol?.declarations?.[0];
    if (symbol === undefined || declaration === undefined || !type.isClassOrInterface()) return undefined;
    if ((type.typeParameters?.length ?? 0) > 0) return undefined;
    const here = this.#place.getSourceFile();
    const there = declaration.getSourceFile();
    if (here === there || there.isDeclarationFile) return undefined;
    const known = this.#checker.getSymbolsInScope(this.#place, ts.SymbolFlags.Type | ts.SymbolFlags.Alias);
    if (known.some(({ name }) => name === symbol.name)) return undefined;
    const path = relative(dirname(here.fileName), there.fileName).split(sep).join('/');
    const specifier = withEnding(here.text, path.startsWith('.') ? path : `./${path}`);
    const exported = this.#checker.getSymbolAtLocation(there)?.exports;
    if (exported?.has(ts.InternalSymbolName.ExportEquals) === true && exported.size <= 1)
      return `import('${specifier}')`;
    return `import('${specifier}').${symbol.name}`;
  }
}

/** A path as the imports of a TypeScript file end theirs: `.ts`, `.js`, or not at all. */
function withEnding(text: string, path: string): string {
  const ending = /\.([cm]?)tsx?$/.exec(path);
  if (ending === null) return path;
  const usual = /\bfrom ['"]\.{1,2}\/[^'"\n]*?(\.[cm]?[jt]sx?)?['"]/.exec(text)?.[1] ?? '';
  const bare = path.slice(0, ending.index);
  if (usual === '') return bare;
  return /ts/.test(usual) ? path : `${bare}.${ending[1]}js`;
}

/** Joins type texts with `|`; `null` and `undefined` come last, function types get their brackets. */
export function joinTypes(texts: readonly string[]): string | undefined {
  const unique = [...new Set(texts)];
  if (unique.length <= 1) return unique[0];
  const emptiness = (text: string): number => ['null', 'undefined'].indexOf(text);
  return unique
    .sort((a, b) => emptiness(a) - emptiness(b))
    .map((text) => (text.includes('=>') && !isBracketed(text) ? `(${text})` : text))
    .join(' | ');
}

/** Adds more to a union in words, as far as it is not among it. */
export function withType(text: string, more: string): string {
  return joinTypes([...splitUnion(text), ...splitUnion(more)])!;
}

/** A list of what the text says, in brackets where it has to be. */
export function listOf(element: string): string {
  return /[|&]|=>/.test(element) ? `(${element})[]` : `${element}[]`;
}

/** Whether a type is `null`, `undefined` or both, which says nothing about what else there may be. */
export function isEmptyType(text: string): boolean {
  return splitUnion(text).every((part) => part === 'null' || part === 'undefined');
}

/** The members of a union in words, as far as brackets of any kind let one see. */
export function splitUnion(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if ('([{<'.includes(sign)) depth++;
    else if (')]}'.includes(sign) || (sign === '>' && text[at - 1] !== '=')) depth--;
    else if (sign === '|' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, text.slice(from).trim()].filter((part) => part !== '');
}

/** Whether a type text claims something throughout: `any` is only let pass where a function takes whatever comes. */
export function isTelling(text: string): boolean {
  return !/\bany\b|\bnever\b|\btypeof globalThis\b|__type|__object/.test(text.replace(/\.\.\.\w+: any\[\]/g, ''));
}

function isBracketed(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    if (depth === 0) return at === text.length - 1;
  }
  return false;
}
