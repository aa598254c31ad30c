import { describe, expect, test } from 'vitest';
import { UsageError } from '../usage-error.ts';
import { readCommandLine } from './command-line.ts';

const read = (...words: string[]) => readCommandLine(words, '/here');
const complaint = (...words: string[]): string => {
  try {
    read(...words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
  }
  return 'no complaint';
};

describe('the command line', () => {
  test('means the demonstration, with the crash, when it is empty', () => {
    expect(read()).toMatchObject({ project: undefined, crash: true, write: false, compare: false, seed: 1 });
  });

  test('leaves the worker of a project alone unless asked', () => {
    expect(read('--project', 'x')).toMatchObject({ project: '/here/x', crash: false });
    expect(read('--project', 'x', '--crash')?.crash).toBe(true);
    expect(read('--no-crash')?.crash).toBe(false);
    expect(read('--compare')?.crash).toBe(false);
  });

  test('takes paths from where the caller stands', () => {
    expect(read('--project', 'x', '--report', 'r.html', '--patch', '/p', '--database', '../d.db')).toMatchObject({
      report: '/here/r.html',
      patch: '/p',
      database: '/d.db',
    });
  });

  test('passes over the dashes that a package manager puts before', () => {
    expect(read('--', '--no-crash')?.crash).toBe(false);
  });

  test('asks for help', () => {
    expect(read('--help')).toBeUndefined();
  });

  test.each([
    [['--projct', 'x'], "Unknown option '--projct'. See --help."],
    [['x'], "Unexpected argument 'x'. See --help."],
    [['--project'], "Option '--project <value>' argument missing. See --help."],
    [['--project', ''], '--project needs a path.'],
    [['--write'], '--write needs --project: there is nothing else to write to.'],
    [['--project', 'x', '--force'], '--force goes with --write.'],
    [['--patch', 'p'], '--patch needs --project; the demonstration writes its patches to --out.'],
    [['--project', 'x', '--out', 'o'], '--out is for the demonstration; with --project, use --patch and --report.'],
    [['--concurrency', '0'], '--concurrency needs a whole number from 1 to 16, not "0".'],
    [['--concurrency', '2.5'], '--concurrency needs a whole number from 1 to 16, not "2.5".'],
    [['--seed', 'abc'], '--seed needs a whole number from 0 to 2147483647, not "abc".'],
  ])('refuses %j', (words, sentence) => {
    expect(complaint(...words)).toBe(sentence);
  });
});
