import { describe, expect, test } from 'vitest';
import { Progress, standingLine, type Standing } from './progress.ts';

const standing: Standing = {
  name: 'pkg',
  tasks: 100,
  done: 50,
  refusals: 3,
  human: 1,
  errorsBefore: 100,
  errorsNow: 60,
};

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, write: (text: string) => written.push(text) };
}

describe('progress', () => {
  test('a line has a bar, the tasks and the errors', () => {
    expect(standingLine(standing, 5)).toBe('pkg    ███████░░░░░░░   50/100 · 100 →  60 errors · refused 3 · human 1');
  });

  test('on a terminal the lines are redrawn in place, and only when they change', () => {
    const tty = screen(true);
    const progress = new Progress(tty);
    progress.show([standing]);
    progress.show([standing]);
    progress.show([{ ...standing, done: 51 }]);
    expect(tty.written).toHaveLength(2);
    expect(tty.written[1]).toMatch(/^\x1b\[1A\x1b\[2Kpkg/);
  });

  test('on a narrow terminal lines are cut, so that none wraps', () => {
    const tty = { ...screen(true), columns: 40 };
    new Progress(tty).show([standing]);
    expect(tty.written[0]!.split('\n')[0]).toHaveLength(39 + '\x1b[2K'.length);
  });

  test('what is said stays above the lines', () => {
    const tty = screen(true);
    const progress = new Progress(tty);
    progress.show([standing]);
    progress.say('news');
    progress.show([standing]);
    expect(tty.written[2]).not.toContain('\x1b[1A');
  });

  test('in a pipe lines are written each time another tenth is done', () => {
    const pipe = screen(false);
    const progress = new Progress(pipe);
    for (let done = 0; done <= 100; done++) progress.show([{ ...standing, done }]);
    expect(pipe.written).toHaveLength(11);
  });
});
