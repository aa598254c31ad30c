import { describe, expect, test } from 'vitest';
import type { Finding } from './compiler.ts';
import { findAgain, likenessOf, toProblems, toTask } from './problems.ts';

const source = ['const a = find(x);', 'use(a.b, a.c);', 'done();', ''].join('\n');

function finding(text: string, at: string, message: string, nth = 0): Finding {
  let start = -1;
  for (let i = 0; i <= nth; i++) start = text.indexOf(at, start + 1);
  return { file: 'a.js', start, length: at.length, code: 18048, message };
}

const message = "'a' is possibly 'undefined'.";
const findings = [finding(source, 'a.b', message), finding(source, 'a.c', message)];

describe('problems', () => {
  test('equal messages on one line are told apart by their order', () => {
    const problems = toProblems('pkg', 'a.js', source, findings);
    expect(problems.map(({ line, ordinal, span }) => [line, ordinal, span])).toEqual([
      [2, 0, 'a.b'],
      [2, 1, 'a.c'],
    ]);
  });

  test("a task has the compiler's words and the code around, and no number of the message", () => {
    const task = toTask(toProblems('pkg', 'a.js', source, findings)[0]!, source);
    expect(task.name).toBe('pkg/a.js:2');
    expect(task.description).toBe(`${message}\n\nconst a = find(x);\nuse(a.b, a.c);\ndone();`);
    expect(JSON.stringify(task)).not.toContain('18048');
  });

  test('a problem is found again after lines were added above it', () => {
    const [problem] = toProblems('pkg', 'a.js', source, findings);
    const moved = `/** new */\n${source}`;
    const there = [finding(moved, 'a.b', message), finding(moved, 'a.c', message)];
    expect(findAgain(problem!, moved, there)?.start).toBe(moved.indexOf('a.b'));
  });

  test('a problem is found again on a line that has been edited', () => {
    const [, problem] = toProblems('pkg', 'a.js', source, findings);
    const edited = source.replace('a.b', 'a?.b');
    expect(findAgain(problem!, edited, [finding(edited, 'a.c', message)])?.start).toBe(edited.indexOf('a.c'));
  });

  test('a problem is gone when nothing like it is left', () => {
    const [problem] = toProblems('pkg', 'a.js', source, findings);
    expect(findAgain(problem!, source, [])).toBeUndefined();
    expect(findAgain(problem!, source, [finding(source, 'done', message)])).toBeUndefined();
    expect(findAgain(problem!, source, [finding(source, 'a.b', 'something else')])).toBeUndefined();
  });

  test('likeness is 1 for equal lines and 0 for lines without a word in common', () => {
    expect(likenessOf('use(a)', 'use( a )')).toBe(1);
    expect(likenessOf('foo', 'bar')).toBe(0);
    expect(likenessOf('', '')).toBe(1);
  });
});
