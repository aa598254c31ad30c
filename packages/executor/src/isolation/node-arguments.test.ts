import { describe, expect, it } from 'vitest';
import { nodeArguments } from './node-arguments.ts';

describe('the flags of an isolated process', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['conditions and loaders', ['-C', 'dev', '--import', 'tsx'], ['-C', 'dev', '--import', 'tsx']],
    ['the text of a program', ['--no-warnings', '-e', 'run()'], ['--no-warnings']],
    ['the text of a program in one word', ['--eval=run()', '--input-type=module'], []],
    ['a debugger', ['--inspect-brk=0', '--inspect', '--conditions=dev'], ['--conditions=dev']],
    [
      'a file of secrets',
      ['--env-file=.env', '--env-file', 'b', '--env-file-if-exists', 'c', '-C', 'dev'],
      ['-C', 'dev'],
    ],
    ['a test run or a watch', ['--test', '--test-name-pattern=x', '--watch', '--watch-path', 'src'], []],
  ])('are those of the worker, as for %s', (_what, given, passed) => {
    expect(nodeArguments(undefined, given)).toEqual(passed);
  });

  it('end with the limit of its memory, which counts more than one before it', () => {
    expect(nodeArguments(64, ['--max-old-space-size=1'])).toEqual([
      '--max-old-space-size=1',
      '--max-old-space-size=64',
    ]);
  });
});
