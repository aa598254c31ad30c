import ts from 'typescript';
import type { Draft, Scene } from './scene.ts';

/** The language service's own ideas of these kinds, each as a draft; those that would change another file are left out. */
export function codeFixes({ compiler, finding, source }: Scene, wanted: (fix: ts.CodeFixAction) => boolean): Draft[] {
  const { file, start, length, code } = finding;
  const lineEnd = source.text.includes('\r\n') ? '\r\n' : '\n';
  const format = ts.getDefaultFormatCodeSettings(lineEnd);
  const indent = /\n( +|\t)\S/.exec(source.text)?.[1] ?? '  ';
  const settings = { ...format, indentSize: indent.length, convertTabsToSpaces: indent !== '\t' };
  const fixes = compiler.service.getCodeFixesAtPosition(file, start, start + length, [code], settings, {});
  return fixes.filter(wanted).flatMap(({ description, changes }) => {
    const [only, ...others] = changes;
    if (only === undefined || others.length > 0 || only.fileName !== file || only.isNewFile === true) return [];
    const edits = only.textChanges.map(({ span, newText }) => ({
      start: span.start,
      end: span.start + span.length,
      text: newText,
    }));
    return [{ title: description, file, changes: edits }];
  });
}
